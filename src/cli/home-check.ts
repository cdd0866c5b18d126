import { availableParallelism } from 'node:os';
import type { CommandModule } from 'yargs';
import { views } from '../harness/plugins/registry.js';
import type { Interval } from '../learning/interval.js';
import { checkRealism, type Realism, type RealismOptions, type Separability } from '../likeness/realism.js';
import { suggestion, UsageError } from '../shared/errors.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { formatCount, formatPercent, table, withProgress, wrap } from './terminal.js';

interface CheckOptions {
  captures: string[];
  labels: string;
  duplicates?: Duplicates;
  seeds: number;
  seed: number;
  'train-share': number;
  window: number;
  'minimum-packets': number;
  trees: number;
  view: string;
  threads: number;
  json: boolean;
}

const command: CommandModule<object, CheckOptions> = {
  command: 'check <captures..>',
  describe: 'Measure how real fitted profiles are: fit to the earlier part, compare with the later',
  builder: (yargs) =>
    yargs
      .positional('captures', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: CAPTURES,
      })
      .option('labels', { type: 'string', demandOption: true, describe: LABELS })
      .option('duplicates', DUPLICATES_OPTION)
      .option('seeds', { type: 'number', default: 3, describe: 'Homes to generate' })
      .option('seed', {
        type: 'number',
        default: 1,
        describe: 'Seed of the first home and of all other random numbers',
      })
      .option('train-share', { type: 'number', default: 0.6, describe: 'Share of packets to fit to' })
      .option('window', { type: 'number', default: 50, describe: 'Packets of a window that is judged as a whole' })
      .option('minimum-packets', {
        type: 'number',
        default: 100,
        describe: 'Leave out devices with fewer on either side',
      })
      .option('trees', { type: 'number', default: 100, describe: 'Trees in each forest' })
      .option('view', { type: 'string', default: 'napt', describe: 'View in which devices are identified: lan, napt' })
      .option('threads', { type: 'number', default: availableParallelism(), describe: 'Worker threads' })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' }),
  handler: async (given) => {
    const { captures, labels, duplicates, json, seeds, seed, window, trees, threads } = given;
    const options = {
      seeds,
      seed,
      window,
      trees,
      threads,
      trainShare: given['train-share'],
      minimumPackets: given['minimum-packets'],
    };
    const names = views.filter((view) => !view.carry).map(({ name }) => name);
    const view = views.find(({ name }) => name === given.view && names.includes(name));
    if (!view) {
      throw new UsageError(
        `--view: expected ${names.join(' or ')}, found "${given.view}"${suggestion(given.view, names)}`,
      );
    }
    checkNumbers(options);
    const loaded = await withProgress((progress) => loadTrace(captures, labels, { ...progress, duplicates }));
    for (const warning of warningsOf(loaded)) console.error(`warning: ${warning}`);
    const realism = await withProgress((progress) => checkRealism(loaded.trace, { ...options, view, ...progress }));
    console.log(json ? JSON.stringify(realism, null, 2) : print(realism, options));
  },
};

export default command;

type Numbers = Pick<RealismOptions, 'seeds' | 'seed' | 'window' | 'minimumPackets' | 'trees' | 'trainShare'>;

function checkNumbers({ seeds, seed, window, minimumPackets, trees, trainShare }: Numbers): void {
  const bounds = [
    ['--seeds', seeds, 1, 100],
    ['--seed', seed, 0, Number.MAX_SAFE_INTEGER],
    ['--window', window, 2, 10_000],
    ['--minimum-packets', minimumPackets, 1, Number.MAX_SAFE_INTEGER],
    ['--trees', trees, 1, 10_000],
  ] as const;
  for (const [option, value, low, high] of bounds) {
    if (Number.isInteger(value) && value >= low && value <= high) continue;
    throw new UsageError(`${option}: expected a whole number from ${low} to ${high}, found ${value}`);
  }
  if (!(trainShare > 0 && trainShare < 1)) {
    throw new UsageError(`--train-share: expected more than 0 and less than 1, found ${trainShare}`);
  }
}

function print({ packets, generated, earlier, identification }: Realism, { seeds, window }: Numbers): string {
  const row = (name: string, made: Separability, before: Separability) => [
    name,
    area(made.packets),
    area(made.windows),
    before.packets?.mean.toFixed(2) ?? '–',
    before.windows?.mean.toFixed(2) ?? '–',
  ];
  const { view, devices, trainedOnReal: real, trainedOnGenerated: synthetic, majority } = identification;
  const trained = (name: string, { accuracy, macroF1 }: typeof real) => [
    name,
    `${formatPercent(accuracy.mean)}${accuracy.low === null ? '' : ` (${(100 * accuracy.low).toFixed(1)} to ${(100 * accuracy.high!).toFixed(1)})`}`,
    macroF1.toFixed(3),
  ];
  return [
    ...wrap(
      `Fitted to the first ${formatCount(packets.fitted)} packets; ${seeds} generated ${seeds === 1 ? 'home is' : 'homes are'} compared with the ${formatCount(packets.tested)} real packets after them.`,
    ),
    '',
    ...wrap(
      `How well a forest tells generated packets, and windows of ${window}, from real ones: area under the ROC curve (95 % interval), 0.5 for not at all, 1 for always. Beside it: earlier real ones from later real ones.`,
    ),
    '',
    table(
      [
        { title: 'device', shrink: true },
        { title: 'packets' },
        { title: 'windows' },
        { title: 'before', align: 'right' },
        { title: 'windows', align: 'right' },
      ],
      [
        ...Object.keys(generated.devices).map((name) => row(name, generated.devices[name]!, earlier.devices[name]!)),
        row('the home', generated.home, earlier.home),
      ],
    ),
    '',
    ...wrap(
      `How well a forest names ${devices} real devices packet by packet, in the ${view} view (majority ${formatPercent(majority)}):`,
    ),
    '',
    table(
      [{ title: 'forest trained on' }, { title: 'accuracy' }, { title: 'macro-F1', align: 'right' }],
      [trained('real packets', real), trained('generated packets', synthetic)],
    ),
  ].join('\n');
}

function area(interval: Interval | null): string {
  if (interval === null) return '–';
  return `${interval.mean.toFixed(2)} (${interval.low!.toFixed(2)} to ${interval.high!.toFixed(2)})`;
}
