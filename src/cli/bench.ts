import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Interval, Result } from '../harness/result.js';
import { runBench } from '../harness/run.js';
import { type BenchRequest, resolveSpec } from '../harness/spec.js';
import { renderHtml } from '../report/html.js';
import { writeFileAtomic } from '../shared/files.js';
import { createProgressLine, formatCount, formatDuration, formatPercent, table, wrap } from './terminal.js';

interface BenchOptions {
  data?: string[];
  labels?: string;
  train?: string[];
  test?: string[];
  split?: 'auto' | 'time' | 'file';
  trainShare?: number;
  hours?: number;
  view?: string;
  mix?: string;
  attack?: string[];
  defense?: string[];
  adversary?: string[];
  seeds?: number;
  seed?: number;
  window?: number;
  stride?: number;
  port?: string;
  minimumPackets?: number;
  capacity?: number;
  threads: number;
  out: string;
  quick?: boolean;
  json: boolean;
}

const command: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'Measure attacks against defenses: write result.json and report.html, print a table',
  builder: (yargs) =>
    yargs
      .option('data', {
        type: 'string',
        array: true,
        describe: 'Capture files or folders; without it, the synthetic home',
      })
      .option('labels', {
        type: 'string',
        describe: 'CSV or YAML of address, device, category; or "file"; or "folder"',
      })
      .option('train', { type: 'string', array: true, describe: 'Captures to train on, in place of --data' })
      .option('test', { type: 'string', array: true, describe: 'Captures to test on, with --train' })
      .option('split', {
        choices: ['auto', 'time', 'file'] as const,
        describe: 'How --data is cut in two; auto is file with --labels folder, else time  [auto]',
      })
      .option('train-share', { type: 'number', describe: 'Share of packets (files) to train on  [0.6]' })
      .option('hours', { type: 'number', describe: 'Length of the synthetic home  [24, quick: 6]' })
      .option('view', { type: 'string', describe: 'What the observer sees: lan, napt, vpn  [napt]' })
      .option('mix', { type: 'string', describe: 'One window, packets of a single device or of the home  [home]' })
      .option('attack', {
        type: 'string',
        array: true,
        describe: 'Attacks, name or name:key=value,...  [random-forest]',
      })
      .option('defense', { type: 'string', array: true, describe: 'Defenses, name:key=value,...; a+b composes' })
      .option('adversary', { type: 'string', array: true, describe: 'static, adaptive  [both]' })
      .option('seeds', { type: 'number', describe: 'Runs, each with a seed of its own  [1]' })
      .option('seed', { type: 'number', describe: 'The first seed  [1]' })
      .option('window', { type: 'number', describe: 'Packets per window  [100]' })
      .option('stride', { type: 'number', describe: 'Packets between windows to train on  [window / 2]' })
      .option('port', { type: 'string', describe: 'service, or destination as in the paper  [service]' })
      .option('minimum-packets', { type: 'number', describe: 'Leave out devices with fewer on either side  [window]' })
      .option('capacity', { type: 'number', describe: 'Mbit/s of the link behind the defense  [no limit]' })
      .option('threads', { type: 'number', default: availableParallelism(), describe: 'Worker threads' })
      .option('out', { type: 'string', default: 'homeveil-report', describe: 'Folder for result.json and report.html' })
      .option('quick', { type: 'boolean', describe: 'Less data, for a first look' })
      .option('json', { type: 'boolean', default: false, describe: 'Print the result as JSON in place of the table' })
      .example('$0 bench --quick', 'a first look, on the synthetic home')
      .example(
        '$0 bench --data captures/ --labels labels.csv --defense none --defense pad:rule=mtu --defense pad+jitter',
        'your captures',
      ),
  handler: async (options) => {
    const started = performance.now();
    const { attack, defense, adversary, threads, out, json, ...rest } = options;
    const request: BenchRequest = { ...rest, attacks: attack, defenses: defense, adversaries: adversary };
    const spec = resolveSpec(request);
    const progress = createProgressLine();
    let result: Result;
    try {
      result = await runBench(spec, { threads, onProgress: progress.onProgress });
    } finally {
      progress.end();
    }
    const report = join(out, 'report.html');
    const html = await renderHtml(result);
    writeFileAtomic(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    writeFileAtomic(report, html);
    if (json) console.log(JSON.stringify(result, null, 2));
    else console.log(print(result, report, (performance.now() - started) / 1000));
  },
};

export default command;

function print(result: Result, report: string, seconds: number): string {
  const { spec, dataset, summary, warnings } = result;
  const shown = dataset.devices.filter((device) => device.test > 0).length;
  const seen = `${shown} devices, ${formatCount(dataset.packets)} packets in the ${spec.view.label} view, mix ${spec.mix}`;
  const lines = [
    ...wrap(`${dataset.name}: ${seen}`),
    '',
    table(
      [
        { title: 'defense', shrink: true },
        { title: 'static', align: 'right' },
        { title: 'adaptive', align: 'right' },
        { title: 'drop', align: 'right' },
        { title: 'chance', align: 'right' },
        { title: 'majority', align: 'right' },
        { title: 'bandwidth', align: 'right' },
        { title: 'delay p95', align: 'right' },
      ],
      summary.map((row) => [
        row.defense,
        formatAccuracy(row.static),
        formatAccuracy(row.adaptive),
        formatPercent(row.drop),
        formatPercent(row.chance),
        formatPercent(row.majority),
        row.bandwidthOverhead === null ? '–' : `+${formatPercent(row.bandwidthOverhead)}`.replace('+-', '-'),
        row.addedDelayP95 === null ? '–' : formatDuration(row.addedDelayP95),
      ]),
    ),
    '',
    ...wrap(
      'Share of packets whose device the best attack names, trained on undefended traffic (static) or on traffic under the same defense (adaptive).',
    ),
    ...(spec.attacks.length > 1
      ? wrap(`Best attacks: ${summary.map((row) => `${row.bestAttack} (${row.defense})`).join(', ')}.`)
      : []),
  ];
  if (warnings.length > 0) lines.push('', ...warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)));
  lines.push('', `${report} (${formatDuration(seconds)})`);
  return lines.join('\n');
}

function formatAccuracy(interval: Interval | null): string {
  return interval === null ? '–' : formatPercent(interval.mean);
}
