import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { resolveSpec } from '../harness/spec.js';
import { type Accuracy, type Fidelity, type FidelityRow, measureFidelity, type Pair } from '../lab/fidelity.js';
import { benchRequest } from '../result/request.js';
import { checkWritable, writeFileAtomic } from '../shared/files.js';
import { addRequestOptions, type DataOptions, requestOf } from './data-options.js';
import { interruptible } from './interrupt.js';
import { formatBytes, formatCount, formatDuration, formatPercent, table, withProgress, wrap } from './terminal.js';

const fidelityRequest = benchRequest.omit({
  defenses: true,
  adversaries: true,
  unknown: true,
  seeds: true,
  live: true,
});

interface FidelityCommandOptions extends DataOptions {
  defense: string[];
  out?: string;
  json: boolean;
}

const command: CommandModule<object, FidelityCommandOptions> = {
  command: 'fidelity',
  describe: 'Compare live traffic with simulated: the same home and defenses, side by side',
  builder: (yargs) =>
    addRequestOptions(yargs, fidelityRequest)
      .option('defense', {
        type: 'string',
        array: true,
        default: ['none'],
        describe: 'Defenses, name:key=value,...; a+b composes',
      })
      .option('out', { type: 'string', describe: 'Folder for fidelity.json  [nothing is written]' })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON in place of the tables' })
      .example('$0 fidelity --view vpn --defense none constant-rate:interval=0.05', 'as root')
      .epilogue('What the lab is, and what it takes: docs/live.md. What differs, and why: the same, under Fidelity.'),
  handler: async (options) => {
    const { defense, plugin = [], threads, out, json } = options;
    const plugins = await loadPlugins(plugin);
    const request = requestOf(options, fidelityRequest);
    const spec = resolveSpec({ ...request, defenses: defense, adversaries: ['adaptive'], live: true }, plugins);
    if (out !== undefined) checkWritable(join(out, 'fidelity.json'));
    const fidelity = await withProgress(({ onProgress }) =>
      interruptible((signal) => measureFidelity(spec, { plugins, threads, onProgress, signal })),
    );
    const text = JSON.stringify(fidelity, null, 2);
    if (out !== undefined) writeFileAtomic(join(out, 'fidelity.json'), `${text}\n`);
    console.log(json ? text : print(fidelity));
  },
};

export default command;

function print({ spec, rows, warnings }: Fidelity): string {
  const lines = rows.flatMap((row) => [...printRow(row), '']);
  lines.push(
    ...wrap(
      `View ${spec.view.label}, mix ${spec.mix}, seed ${spec.seed}. Times are of the home's clock. Distances: of lengths, half the differences between their shares; of gaps, after Kolmogorov and Smirnov; 0 is the same, 1 nothing in common. AUC of a forest that is to tell live from simulated frames: 0.5 is guessing.`,
    ),
    ...warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)),
  );
  return lines.join('\n');
}

const LEFT = { title: '', shrink: true };
const RIGHT = (title: string) => ({ title, align: 'right' as const });
const COLUMNS = [LEFT, RIGHT('live'), RIGHT('simulated'), RIGHT('difference')];

function printRow(row: FidelityRow): string[] {
  const { figures, cost, gaps, gapDistance } = row;
  const of = (pair: Pair, format: (value: number) => string): string[] => [
    ...[pair.live, pair.simulated].map((value) => (value === null ? '–' : format(value))),
    pair.live === null || pair.simulated === null ? '–' : change(pair as Pair<number>),
  ];
  const pair = <T>(both: Pair<T>, get: (one: T) => number | null): Pair => ({
    live: get(both.live),
    simulated: get(both.simulated),
  });
  const share = (both: Pair): string[] => [
    ...[both.live, both.simulated].map(formatPercent),
    both.live === null || both.simulated === null ? '–' : `${(100 * (both.live - both.simulated)).toFixed(1)} points`,
  ];
  const traffic = [
    ['frames', ...of(row.frames, formatCount)],
    ['bytes', ...of(row.bytes, formatBytes)],
    ['cover frames', ...of(row.cover, formatCount)],
    ...row.kinds.map(({ kind, frames }) => [`  ${kind}`, ...of(frames, formatCount)]),
    ...(['out', 'in'] as const).flatMap((way) =>
      (['p50', 'p95'] as const).map((p) => [
        `gaps ${way}, ${p}`,
        ...of(
          pair(gaps[way], (all) => all[p]),
          formatDuration,
        ),
      ]),
    ),
    ['bandwidth overhead', ...share(pair(cost, ({ bandwidthOverhead }) => bandwidthOverhead))],
    ...(['p50', 'p95'] as const).map((p) => [
      `added delay, ${p}`,
      ...of(
        pair(cost, ({ addedDelay }) => addedDelay[p]),
        formatDuration,
      ),
    ]),
    [
      'real packets lost',
      ...of(
        pair(cost, ({ dropped }) => dropped),
        formatCount,
      ),
    ],
  ];
  const accuracy = ({ accuracy: value, low, high }: Accuracy) =>
    low === null || high === null
      ? formatPercent(value)
      : `${formatPercent(value)} (${Math.round(100 * low)}–${Math.round(100 * high)})`;
  const attacks = row.identification.map(({ attack, live, simulated, simulatedToLive, liveToSimulated }) => [
    attack,
    ...[live, simulated, simulatedToLive, liveToSimulated].map(accuracy),
  ]);
  return [
    `${row.defense}: live ${figures.speed} times as fast as the clock, ${formatDuration(figures.seconds)}`,
    '',
    table(COLUMNS, traffic),
    '',
    ...wrap(
      `Distance of lengths ${row.lengthDistance.toFixed(3)}; of gaps ${gapDistance.out.toFixed(3)} out, ${gapDistance.in.toFixed(3)} in. Live told from simulated: AUC ${row.told?.toFixed(2) ?? '–'}. Always the commonest: ${formatPercent(row.majority.live)} live, ${formatPercent(row.majority.simulated)} simulated.`,
    ),
    '',
    table([LEFT, RIGHT('live'), RIGHT('simulated'), RIGHT('sim. to live'), RIGHT('live to sim.')], attacks),
    ...(row.notes.length > 0 ? [''] : []),
    ...row.notes.flatMap((note) => wrap(`why: ${note}`, 5, 0)),
    ...figures.problems.flatMap((problem) => wrap(`warning: live: ${problem}`, 9, 0)),
  ];
}

/** Relative change from simulated to live. */
function change({ live, simulated }: Pair<number>): string {
  if (live === simulated) return '=';
  if (simulated === 0) return '–';
  const share = (100 * (live - simulated)) / simulated;
  return `${share > 0 ? '+' : ''}${share.toFixed(1)} %`;
}
