import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { noCache, openCache, readOnly } from '../harness/cache.js';
import { estimateAll } from '../harness/estimate.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { describeRefusal, type RunOptions, runBench } from '../harness/run.js';
import { resolveSpec } from '../harness/spec.js';
import { runStudy } from '../harness/study.js';
import { readStudy } from '../harness/study-file.js';
import { renderHtml } from '../report/html.js';
import { readsAddresses } from '../report/reading.js';
import { OPEN_WORLD_COLUMNS, openWorldFigures } from '../report/sections/open-world.js';
import { renderStudyPages } from '../report/study.js';
import { labelOf } from '../result/label.js';
import { benchRequest, optionsOf } from '../result/request.js';
import type { Interval, ResolvedSpec, Result, SettingFailure } from '../result/result.js';
import { InputError, UsageError } from '../shared/errors.js';
import { checkWritable, writeFileAtomic } from '../shared/files.js';
import { parseSize } from '../shared/quantities.js';
import { addRequestOptions, type DataOptions, requestOf } from './data-options.js';
import { Interrupted, interruptible } from './interrupt.js';
import { studyPath } from './study-path.js';
import {
  formatCount,
  formatDuration,
  formatPercent,
  type ProgressLine,
  table,
  withProgress,
  wrap,
} from './terminal.js';

interface BenchOptions extends DataOptions {
  study?: string;
  dryRun?: boolean;
  memory?: string;
  out: string;
  json: boolean;
}

const command: CommandModule<object, BenchOptions> = {
  command: 'bench [study]',
  describe: 'Measure attacks against defenses: write result.json and report.html, print a table',
  builder: (yargs) =>
    addRequestOptions(yargs, benchRequest)
      .positional('study', {
        type: 'string',
        describe: 'YAML file of datasets, views, attacks, defenses (homeveil schema), or one of ours: quick, full',
      })
      .option('memory', {
        type: 'string',
        describe: 'Run fewer cells at a time beyond this, e.g. 4GB  [70 % of all]',
      })
      .option('out', { type: 'string', default: 'homeveil-report', describe: 'Folder for result.json and report.html' })
      .option('dry-run', { type: 'boolean', describe: 'Show what would be run' })
      .option('json', { type: 'boolean', default: false, describe: 'Print the result as JSON in place of the table' })
      .example('$0 bench --quick', 'a first look, on the synthetic home')
      .example(
        '$0 bench --data captures/ --labels labels.csv --defense none --defense pad:rule=mtu --defense pad+jitter',
        'your captures',
      )
      .example('$0 bench --live --view vpn --defense none --defense constant-rate', 'the same on a network, as root')
      .example('$0 bench study.yaml --out study', 'many settings; killed, it goes on where it stood'),
  handler: async (options) => {
    const started = performance.now();
    const { study, dryRun, plugin = [], out, json } = options;
    if (study !== undefined) return benchStudy(studyPath(study), options);
    const plugins = await loadPlugins(plugin);
    const spec = resolveSpec(requestOf(options, benchRequest), plugins);
    const effort = { ...effortOf(options), ...(await liveOf([spec])) };
    if (dryRun) return plan([spec], { plugins, ...effort }, json);
    checkOut(out);
    const result = await untilStopped([spec], 'interrupted; nothing is written', (running) =>
      runBench(spec, { plugins, ...effort, ...running }),
    );
    if (!result) return;
    const report = join(out, 'report.html');
    const html = await renderHtml(result);
    writeFileAtomic(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    writeFileAtomic(report, html);
    if (result.failures) process.exitCode = 1;
    if (json) console.log(JSON.stringify(result, null, 2));
    else console.log(print(result, `${report} (${formatDuration((performance.now() - started) / 1000)})`));
  },
};

export default command;

/** Milliseconds that a run has to end in order, once it is interrupted; more where a network is to be taken down. */
const PATIENCE = { simulated: 300, live: 5000 };

/**
 * Waits for `work`. If Ctrl-C or SIGTERM ends it, sets the exit code of that signal and returns null.
 * @param heard what to tell the user then
 */
async function untilStopped<T>(
  specs: readonly ResolvedSpec[],
  heard: string,
  work: (running: ProgressLine & { signal: AbortSignal }) => Promise<T>,
): Promise<T | null> {
  const patience = specs.some(({ live }) => live) ? PATIENCE.live : PATIENCE.simulated;
  try {
    return await withProgress((progress) =>
      interruptible((signal) => work({ ...progress, signal }), { on: ['SIGINT', 'SIGTERM'], patience, heard }),
    );
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.exitCode = error.exitCode;
    return null;
  }
}

/** Before hours of work: the files that every run leaves. @throws InputError */
function checkOut(out: string): void {
  for (const name of ['result.json', 'report.html']) checkWritable(join(out, name));
}

/** @throws UsageError */
function effortOf({ threads, memory }: BenchOptions): Pick<RunOptions, 'threads' | 'workers' | 'memory'> {
  const bound = memory === undefined ? undefined : parseSize(memory, '--memory');
  return { threads, workers: threads, memory: bound };
}

/** Loads the lab if live traffic is asked for. */
async function liveOf(specs: readonly ResolvedSpec[]): Promise<Pick<RunOptions, 'record'>> {
  if (!specs.some(({ live }) => live)) return {};
  const { recordLive } = await import('../lab/record.js');
  return { record: recordLive };
}

async function benchStudy(path: string, options: BenchOptions): Promise<void> {
  const { dryRun, plugin = [], out, json } = options;
  const request: Readonly<Record<string, unknown>> = requestOf(options, benchRequest);
  const given = optionsOf(benchRequest).find(({ key }) => request[key] !== undefined);
  if (given) throw new UsageError(`--${given.flag}: with a study, it stands in the file (${path})`);
  if (/\.m?[jt]s$/.test(path)) {
    throw new UsageError(`${path}: expected a study in YAML or JSON, found a plug-in; --plugin ${path} loads it`);
  }
  const started = performance.now();
  const plugins = await loadPlugins([...readStudy(path).plugins, ...plugin]);
  // Again, now that it is known which parameters are lists.
  const { study, requests, warnings } = readStudy(path, plugins);
  for (const warning of warnings) console.error(`warning: ${warning}`);
  const specs = requests.map((request) => resolveSpec(request, plugins));
  const effort = { ...effortOf(options), ...(await liveOf(specs)) };
  const folder = join(out, 'cache');
  if (dryRun) {
    const cache = existsSync(folder) ? readOnly(openCache(folder)) : noCache;
    return plan(specs, { plugins, ...effort, cache }, json);
  }
  checkOut(out);
  const cache = openCache(folder);
  const heard = `interrupted; the same command goes on with what ${folder} has`;
  const result = await untilStopped(specs, heard, (running) =>
    runStudy({ name: study.name, warnings }, specs, { plugins, ...effort, cache, ...running }),
  );
  if (!result) return;
  writeFileAtomic(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  for (const { name, text } of await renderStudyPages(result)) writeFileAtomic(join(out, name), text);
  if (json) console.log(JSON.stringify(result, null, 2));
  else {
    for (const run of result.runs) console.log(`${print(run, null)}\n`);
    for (const failure of result.failures ?? []) console.log(`${warnRefused(failure)}\n`);
    console.log(`${join(out, 'report.html')} (${formatDuration((performance.now() - started) / 1000)})`);
  }
  if (result.failures || result.runs.some(({ failures = [] }) => failures.length > 0)) process.exitCode = 1;
}

const warnRefused = (failure: SettingFailure): string => wrap(`warning: ${describeRefusal(failure)}`, 9, 0).join('\n');

/** Prints what a run would do and how long it would take, without running it. */
async function plan(specs: readonly ResolvedSpec[], options: RunOptions, json: boolean): Promise<void> {
  // As in the run, where each cell has one thread.
  const estimates = await withProgress((progress) => estimateAll(specs, { ...options, threads: 1, ...progress }));
  const refused = specs.flatMap((spec, i) => {
    const { failure } = estimates[i]!;
    return failure === null ? [] : [{ setting: labelOf(spec), message: failure }];
  });
  if (refused.length === specs.length) throw new InputError(refused[0]!.message);
  if (refused.length > 0) process.exitCode = 1;
  const sum = (of: (one: (typeof estimates)[number]) => number) => estimates.reduce((total, one) => total + of(one), 0);
  const [cells, kept] = [sum((one) => one.cells), sum((one) => one.kept)];
  const playing = sum((one) => one.playing);
  const seconds = sum((one) => one.seconds) / Math.max(1, options.threads) + playing;
  if (json) {
    const settings = specs.map((spec, i) => ({ setting: labelOf(spec), ...estimates[i]! }));
    return console.log(JSON.stringify({ settings, cells, kept, threads: options.threads, seconds }, null, 2));
  }
  const rows = specs.map((spec, i) => [
    labelOf(spec),
    ...[spec.attacks.length, spec.defenses.length, spec.adversaries.length, spec.seeds].map(formatCount),
    formatCount(estimates[i]!.cells),
    formatCount(estimates[i]!.kept),
  ]);
  const titles = ['attacks', 'defenses', 'adversaries', 'seeds', 'cells', 'kept'];
  const columns = [{ title: 'setting', shrink: true }, ...titles.map((title) => ({ title, align: 'right' as const }))];
  const threads = options.threads === 1 ? 'one thread' : `${options.threads} threads`;
  const live = playing > 0 ? `, of them ${formatDuration(playing)} to play the home` : '';
  const time = kept === cells ? 'all of them kept' : `about ${formatDuration(seconds)} on ${threads}${live}`;
  console.log(table(columns, rows));
  const known = new Set(estimates.flatMap(({ warnings }) => warnings));
  if (known.size > 0) console.log(`\n${[...known].flatMap((line) => wrap(`warning: ${line}`, 9, 0)).join('\n')}`);
  for (const failure of refused) console.log(`\n${warnRefused(failure)}`);
  console.log(`\n${formatCount(cells)} cells, ${time}; nothing was run`);
}

/** @param last line, null for none */
function print(result: Result, last: string | null): string {
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
    ...printOpenWorld(result),
    ...printLive(result),
    ...(spec.attacks.length > 1
      ? wrap(`Best attacks: ${summary.map((row) => `${row.bestAttack} (${row.defense})`).join(', ')}.`)
      : []),
  ];
  if (summary.some(readsAddresses)) {
    const unread = summary.map(
      ({ defense, withoutAddresses: best }) => `${formatAccuracy(best?.accuracy ?? null)} (${defense})`,
    );
    lines.push(...wrap(`Best of the attacks that read no remote addresses: ${unread.join(', ')}.`));
  }
  if (warnings.length > 0) lines.push('', ...warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)));
  if (last !== null) lines.push('', last);
  return lines.join('\n');
}

/** Nothing for simulated traffic. */
function printLive({ cells }: Result): string[] {
  const speeds = [...new Set(cells.flatMap(({ live }) => (live ? [live.speed] : [])))];
  if (speeds.length === 0) return [];
  return wrap(`Live: played ${speeds.map((speed) => Number(speed.toFixed(1))).join(', ')} times as fast as the clock.`);
}

/** Nothing in a closed world. */
function printOpenWorld(result: Result): string[] {
  const { unknown } = result.spec;
  if (unknown === undefined) return [];
  const heldOut = typeof unknown === 'number' ? `${unknown} of the devices in each seed` : unknown.join(', ');
  const columns = OPEN_WORLD_COLUMNS.map((title) => ({ title: title.toLowerCase(), align: 'right' as const }));
  return [
    '',
    ...wrap(`Open world, held out from training: ${heldOut}. Of their packets “unknown” is the right answer.`),
    '',
    table(
      [{ title: 'defense', shrink: true }, ...columns],
      result.summary.map((row) => [row.defense, ...openWorldFigures(result, row)]),
    ),
  ];
}

function formatAccuracy(interval: Interval | null): string {
  return interval === null ? '–' : formatPercent(interval.mean);
}
