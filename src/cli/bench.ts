import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/load-plugins.js';
import type { Interval, Result } from '../harness/result.js';
import { runBench } from '../harness/run.js';
import { type BenchRequest, resolveSpec } from '../harness/spec.js';
import { renderHtml } from '../report/html.js';
import { writeFileAtomic } from '../shared/files.js';
import { addDataOptions, type DataOptions } from './data-options.js';
import { createProgressLine, formatCount, formatDuration, formatPercent, table, wrap } from './terminal.js';

interface BenchOptions extends DataOptions {
  attack?: string[];
  defense?: string[];
  adversary?: string[];
  seeds?: number;
  out: string;
  json: boolean;
}

const command: CommandModule<object, BenchOptions> = {
  command: 'bench',
  describe: 'Measure attacks against defenses: write result.json and report.html, print a table',
  builder: (yargs) =>
    addDataOptions(yargs)
      .option('attack', {
        type: 'string',
        array: true,
        describe: 'Attacks, name or name:key=value,...  [random-forest]',
      })
      .option('defense', { type: 'string', array: true, describe: 'Defenses, name:key=value,...; a+b composes' })
      .option('adversary', { type: 'string', array: true, describe: 'static, adaptive  [both]' })
      .option('seeds', { type: 'number', describe: 'Runs, each with a seed of its own  [1]' })
      .option('out', { type: 'string', default: 'homeveil-report', describe: 'Folder for result.json and report.html' })
      .option('json', { type: 'boolean', default: false, describe: 'Print the result as JSON in place of the table' })
      .example('$0 bench --quick', 'a first look, on the synthetic home')
      .example(
        '$0 bench --data captures/ --labels labels.csv --defense none --defense pad:rule=mtu --defense pad+jitter',
        'your captures',
      ),
  handler: async (options) => {
    const started = performance.now();
    const { attack, defense, adversary, plugin = [], threads, out, json, ...rest } = options;
    const request: BenchRequest = { ...rest, attacks: attack, defenses: defense, adversaries: adversary };
    const plugins = await loadPlugins(plugin);
    const spec = resolveSpec(request, plugins);
    const progress = createProgressLine();
    let result: Result;
    try {
      result = await runBench(spec, { plugins, threads, ...progress });
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
