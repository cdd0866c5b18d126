import { z } from 'zod';
import { MIXES, type Mix } from '../learning/build-windows.js';
import type { Interval } from '../learning/interval.js';
import type { OpenSetScores } from '../learning/open-set.js';
import type { Identification } from '../learning/scores.js';
import type { Cost, DelayHistogram } from '../shaping/cost.js';
import { adversary, type DeepReadonly, parameters, resolvedSpec } from './spec.js';

export type { Adversary, PluginFile, ResolvedDefense, ResolvedPlugin, ResolvedSpec } from './spec.js';
export type { Cost, Identification, Interval, Mix };

/**
 * The schema of a result file. Undefined quantities are null, never 0; an optional key is one that older results lack, or that says
 * "none" by its absence. Keys that are not named are let through, so that the result of a later version still reads.
 */

/** The zod types of an object whose type an earlier room owns: every key is there, and no other. */
type ShapeOf<T> = { [K in keyof Required<T>]: z.ZodType<T[K]> };

const maybe = z.number().nullable();
const mix = z.enum(MIXES);
const defense = z.string().describe('as on the command line: pad:rule=mtu');
const params = z.array(parameters).describe('parameters of each part of the defense');

/** Name of the answer "no device that I know", and of all held-out devices together in the scores. */
export const UNKNOWN = 'unknown';

const tool = z.object({
  name: z.literal('homeveil'),
  version: z.string(),
  commit: z.string().nullable().describe('null for an installed package; ends in + where files were changed since'),
});

const environment = z.object({ node: z.string(), cpu: z.string(), cores: z.number(), os: z.string() });

const dataset = z.object({
  name: z.string(),
  sha256: z.string().describe('over packets and labels: the same packets and labels give the same hash'),
  synthetic: z.boolean(),
  packets: z.number().describe('packets that the view shows'),
  devices: z.array(
    z.object({
      name: z.string(),
      category: z.enum(['iot', 'non-iot']),
      packets: z.number(),
      train: z.number().describe('packets in the training part'),
      test: z.number().describe('packets in the test part'),
    }),
  ),
  from: maybe.describe('seconds since the Unix epoch; null without packets'),
  to: maybe,
  ingest: z.object({
    read: z.number(),
    kept: z.number(),
    dropped: z.record(z.string(), z.number()).describe('packets by the reason why they were dropped'),
  }),
});

const identification = z
  .object({
    accuracy: z.number(),
    balancedAccuracy: z.number(),
    macroF1: z.number(),
    chance: z.number(),
    majority: z.number(),
    perDevice: z.record(z.string(), z.object({ precision: maybe, recall: maybe, f1: maybe, support: z.number() })),
    classes: z.array(z.string()),
    confusion: z.array(z.array(z.number())),
  } satisfies ShapeOf<Identification>)
  .extend({
    accuracyLow: maybe.describe(
      '95 % interval of the accuracy over blocks of the test time; null for too little of it',
    ),
    accuracyHigh: maybe,
  })
  .describe('scores over real packets; in an open world "unknown" is one of the answers, after the known devices');

const percentiles = { p50: maybe, p95: maybe, p99: maybe, max: maybe };
const spread = z.object(percentiles).describe('seconds; null where there are none');

const cost = z.object({
  bandwidthOverhead: maybe,
  packetOverhead: maybe,
  megabytesPerDay: maybe,
  gigabytesPerMonth: maybe.optional(),
  addedDelay: z.object(percentiles satisfies ShapeOf<Cost['addedDelay']>),
  delayHistogram: z
    .object({
      from: z.number().positive(),
      binsPerDecade: z.number().int().positive().max(1000),
      counts: z.array(z.number()).min(1).max(10_000),
    } satisfies ShapeOf<DelayHistogram>)
    .nullable()
    .optional(),
  dropped: z.number(),
  durationRatio: maybe,
} satisfies ShapeOf<Cost>);

const presence = z
  .object({
    hours: z.number().describe('whole hours of the clock (UTC) with any packet'),
    active: z.number().describe('share of devices and hours in which the device was active'),
    precision: maybe.describe('share of the devices and hours called active that were'),
    recall: maybe.describe('share of the devices and hours that were active that were called so'),
    perDevice: z.record(z.string(), z.object({ precision: maybe, recall: maybe, activeHours: z.number() })),
  })
  .describe('how well an observer knows which known devices are active in which hour; 0 / 0 is null');

const ages = z
  .array(
    z.object({
      from: z.number().describe('seconds from the last training packet to the stretch'),
      to: z.number().describe('seconds from the last training packet to the end of the stretch'),
      packets: z.number().describe('real packets'),
      accuracy: z.number(),
      accuracyLow: maybe,
      accuracyHigh: maybe,
      balancedAccuracy: z.number(),
      majority: z.number(),
    }),
  )
  .nullable()
  .describe(
    'scores of the test part by the age of what was learnt, in stretches with enough packets; null where test packets are earlier than training ones',
  );

const wholeHome = z
  .array(
    z.object({
      seconds: z.number().describe('observation time'),
      windows: z.number().describe('disjoint windows of that length, over which the scores are'),
      present: maybe.describe('share of known devices that are present: the precision of calling all of them'),
      precision: maybe.describe('share of the devices called present that are'),
      recall: maybe.describe('share of the devices present that are called so'),
    }),
  )
  .describe(
    'how well an observer knows the set of devices after watching for some time; the last row is of the whole test part; 0 / 0 is null',
  );

const openWorld = z
  .object({
    auroc: maybe,
    oscr: maybe,
    curve: z.array(z.number()),
  } satisfies ShapeOf<OpenSetScores>)
  .extend({
    threshold: z.number().describe('certainty below which a packet is called unknown'),
    falseAlarms: maybe.describe("share of the known devices' packets in the test part that is called unknown"),
    recall: maybe.describe("share of the unknown devices' packets that is called unknown"),
    perUnknown: z.record(
      z.string(),
      z.object({
        recall: maybe,
        takenFor: z.string().nullable().describe('known device that its packets are most often given to'),
        support: z.number().describe('packets'),
      }),
    ),
    known: z
      .object({
        accuracy: z.number(),
        balancedAccuracy: z.number(),
        macroF1: z.number(),
        chance: z.number(),
        majority: z.number(),
      })
      .describe("scores over the known devices' packets in a closed world: each is given to the most probable device"),
  })
  .describe('how an observer does in an open world; 0 / 0 is null');

const live = z
  .object({
    speed: z.number().describe('seconds of the home in one of the clock'),
    seconds: z.number().describe('seconds of the clock for all of the traffic'),
    connections: z.object({ opened: z.number(), failed: z.number() }),
    messages: z.number(),
    late: spread.describe("how late messages were sent: the worse of the devices' and the servers' percentiles"),
    lost: z.number().describe('packets that the captures lost'),
    strangers: z.number().describe('packets of no host in the home, left out'),
    tunnel: z
      .object({ late: spread, stalls: z.number() })
      .nullable()
      .describe(
        'live tunnel, the worse of both ends: how late frames left, and how often the plan was moved; null without one',
      ),
    problems: z.array(z.string()).describe('what went wrong, and how often; one line each'),
  })
  .describe("how live traffic was made; times are of the home's clock unless said otherwise");

const shown = z
  .object({
    streams: mix.describe('what a window holds the packets of'),
    size: z.number(),
    unit: z.enum(['packets', 'seconds']),
    sees: z.array(z.string()).describe('what it read beside the eleven numbers of each packet and its time'),
  })
  .describe('the windows that the attack was shown');

const windowScores = z
  .object({
    windows: z.number().describe('that hold a real packet of a device'),
    seconds: maybe.describe(
      'median time from the first packet of a window to its last: the traffic that an answer takes',
    ),
    accuracy: maybe,
    balancedAccuracy: maybe,
    majority: maybe,
  })
  .describe('scores of an attack that answers per window, in its own unit: the share of windows');

const cell = z
  .object({
    attack: z.string(),
    defense,
    params,
    view: z.string(),
    mix,
    adversary,
    seed: z.number(),
    identification,
    shown: shown.optional(),
    inWindows: windowScores.optional().describe('absent for an attack that answers per packet'),
    presence: presence.optional(),
    ages: ages.optional(),
    wholeHome: wholeHome.optional(),
    openWorld: openWorld.optional(),
    cost,
    live: live.optional(),
    insight: z
      .record(z.string(), z.number())
      .nullable()
      .describe('what the attack says of its own training (out-of-bag score, feature importance)'),
    seconds: z.object({ fit: z.number(), predict: z.number(), defend: z.number() }),
  })
  .describe('one attack against one defense, by one adversary, with one seed');

const metrics = z
  .object({
    defense,
    view: z.string(),
    mix,
    seed: z.number(),
    nearestNeighbourError: z
      .record(z.string(), maybe)
      .describe(
        'share of real packets whose nearest neighbour in the training part is of another device, by what is known of a packet; in an open world over known devices',
      ),
    bayesErrorBound: maybe.describe(
      'lowest error that the nearest neighbours allow any classifier; in an open world over all real packets, as if every packet of an unknown device were called unknown',
    ),
    accuracyBound: maybe.describe('1 less that: the accuracy that no classifier exceeds'),
    deviceEntropy: z.number().describe('bits that name the device of a real packet unseen'),
    mutualInformation: z.record(z.string(), z.number()).describe('how many of these bits each feature alone gives'),
    coverAuc: maybe.describe(
      'area under the ROC curve of a forest that tells cover from real packets; null without cover',
    ),
  })
  .describe('what the traffic under a defense gives away, whatever the attack: docs/method.md');

const interval = z.object({ mean: z.number(), low: maybe, high: maybe } satisfies ShapeOf<Interval>);

const summaryRow = z
  .object({
    defense,
    params,
    bestAttack: z.string().describe('attack with the highest mean accuracy, of the stronger adversary'),
    adversary,
    accuracy: interval.describe('accuracy of the best attack'),
    static: interval.nullable().describe('best attack of the static adversary; null where not asked for'),
    adaptive: interval.nullable(),
    withoutAddresses: z
      .object({ attack: z.string(), accuracy: interval })
      .nullable()
      .optional()
      .describe(
        'best attack, by the stronger adversary, among those that read no remote addresses or names; null for none',
      ),
    drop: maybe.describe('accuracy without defense less this one; null where the run has no defense "none"'),
    dropLow: maybe
      .optional()
      .describe('95 % interval of the drop, block by block and seed by seed; null for too few packets'),
    dropHigh: maybe.optional(),
    chance: z.number(),
    majority: z.number(),
    bandwidthOverhead: maybe,
    addedDelayP95: maybe.describe('seconds'),
    pareto: z
      .boolean()
      .describe('no other defense of the run is at least as good in accuracy, bandwidth and delay, and better in one'),
  })
  .describe('one defense; accuracy, chance and majority are those of the cells, in an open world too');

const transferCell = z
  .object({
    attack: z.string(),
    trainedOn: z.string(),
    testedOn: z.string(),
    seed: z.number(),
    accuracy: z.number(),
    balancedAccuracy: z.number(),
    macroF1: z.number(),
  })
  .describe('an adversary who expects one defense and meets another');

const failure = z
  .object({
    attack: z.string().nullable(),
    defense,
    adversary: adversary.nullable(),
    seed: z.number(),
    message: z.string(),
  })
  .describe('a cell that could not be run; the metrics of a defense and seed where attack and adversary are null');

const settingFailure = z
  .object({ setting: z.string(), message: z.string() })
  .describe('a setting whose data cannot be read or is too little, or all of whose cells failed');

/** The result of a run. */
export const resultSchema = z
  .object({
    schemaVersion: z.literal(1),
    tool,
    environment,
    spec: resolvedSpec,
    dataset,
    cells: z.array(cell),
    metrics: z.array(metrics).optional().describe('one for each defense and seed'),
    summary: z.array(summaryRow),
    transfer: z.array(transferCell).optional(),
    failures: z.array(failure).optional(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Result', description: 'the result of a run: the single source of every report' });

/** The result of a study: one run for each of its settings (dataset, view, mix, window, link). */
export const studyResultSchema = z
  .object({
    schemaVersion: z.literal(1),
    kind: z.literal('study'),
    name: z.string(),
    tool,
    environment,
    runs: z.array(resultSchema).min(1),
    failures: z.array(settingFailure).optional(),
    warnings: z.array(z.string()).optional().describe('datasets and settings that were left out'),
  })
  .describe('the result of a study: one run for each of its settings');

/** JSON Schema of a result file, of a run or of a study. */
export function resultJsonSchema(): object {
  return z.toJSONSchema(z.union([resultSchema, studyResultSchema]), { io: 'input' });
}

export type Result = DeepReadonly<z.output<typeof resultSchema>>;
export type StudyResult = DeepReadonly<z.output<typeof studyResultSchema>>;
export type DatasetSummary = Result['dataset'];
export type Cell = Result['cells'][number];
export type Metrics = DeepReadonly<z.output<typeof metrics>>;
export type SummaryRow = Result['summary'][number];
export type TransferCell = DeepReadonly<z.output<typeof transferCell>>;
export type Failure = DeepReadonly<z.output<typeof failure>>;
export type SettingFailure = DeepReadonly<z.output<typeof settingFailure>>;
export type PresenceScores = DeepReadonly<z.output<typeof presence>>;
export type AgeScores = NonNullable<DeepReadonly<z.output<typeof ages>>>[number];
export type WholeHomeScores = DeepReadonly<z.output<typeof wholeHome>>[number];
export type OpenWorldScores = DeepReadonly<z.output<typeof openWorld>>;
export type LiveFigures = DeepReadonly<z.output<typeof live>>;
export type Spread = DeepReadonly<z.output<typeof spread>>;
