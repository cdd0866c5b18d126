import { z } from 'zod';
import { MIXES } from '../learning/build-windows.js';
import { InputError, lowerFirst, oneLine } from '../shared/errors.js';
import { describeIssue, firstIssue, valueAt } from '../shared/issues.js';
import type { Result, StudyResult } from './result.js';

/**
 * Reads a result file.
 * @param path of the file, for the error message
 * @throws InputError where it is not JSON, is of another schema version, or lacks what a report needs: one line with the
 * place in the file, what was expected there and what was found
 */
export function parseResult(text: string, path: string): Result {
  const value = readObject(text, path);
  check(resultSchema, value, path);
  return withPlugins(value as Result);
}

/**
 * Reads the result of a run or of a study.
 * @throws InputError as {@link parseResult}
 */
export function parseAnyResult(text: string, path: string): Result | StudyResult {
  const value = readObject(text, path);
  if ((value as { kind?: unknown }).kind !== 'study') {
    check(resultSchema, value, path);
    return withPlugins(value as Result);
  }
  check(studySchema, value, path);
  const study = value as StudyResult;
  return { ...study, runs: study.runs.map(withPlugins) };
}

function readObject(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path}: expected JSON: ${lowerFirst(oneLine((cause as Error).message))}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${path}: expected a result object, found ${shown(value)}`);
  }
  checkVersion((value as { schemaVersion?: unknown }).schemaVersion, path);
  return value;
}

function check(schema: z.ZodType, value: object, path: string): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  const issue = firstIssue(parsed.error);
  const place = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const found = shown(valueAt(value, issue.path));
  throw new InputError(`${path}: ${describeIssue(issue, { place: place.slice(1), found, brief: true })}`);
}

/** A result from before there were plug-ins names none. */
function withPlugins(result: Result): Result {
  return { ...result, spec: { ...result.spec, plugins: result.spec.plugins ?? [] } };
}

/** @throws InputError unless `version` is one that this code can read */
export function checkVersion(version: unknown, path: string): void {
  if (version !== 1) throw new InputError(`${path}: schemaVersion: expected 1, found ${shown(version)}`);
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const tool = z.object({ name: z.literal('homeveil'), version: z.string(), commit: z.string().nullable() });
const environment = z.object({ node: z.string(), cpu: z.string(), cores: z.number(), os: z.string() });
const maybe = z.number().nullable();
const parameters = z.record(z.string(), z.unknown());
const adversary = z.enum(['static', 'adaptive']);
const mix = z.enum(MIXES);
const plugin = z.object({ name: z.string(), label: z.string(), parameters });
const interval = z.object({ mean: z.number(), low: maybe, high: maybe });

const spec = z.object({
  plugins: z.array(z.object({ path: z.string(), sha256: z.string() })).default([]),
  data: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('synthetic'), hours: z.number(), seed: z.number(), profiles: z.string().optional() }),
    z.object({
      kind: z.literal('captures'),
      paths: z.array(z.string()),
      labels: z.string(),
      train: z.array(z.string()).nullable(),
      test: z.array(z.string()).nullable(),
      duplicates: z.literal('keep').optional(),
    }),
  ]),
  split: z.object({ by: z.enum(['time', 'file', 'paths']), train: maybe }),
  view: plugin,
  mix,
  attacks: z.array(plugin),
  defenses: z.array(z.object({ label: z.string(), parts: z.array(plugin) })),
  adversaries: z.array(adversary),
  transfer: z.boolean().optional(),
  unknown: z.union([z.number(), z.array(z.string())]).optional(),
  seeds: z.number(),
  seed: z.number(),
  window: z.number(),
  stride: z.number(),
  port: z.enum(['service', 'destination']),
  minimumPackets: z.number(),
  maximumTrainPackets: maybe,
  capacity: maybe,
  live: z.object({ speed: maybe }).optional(),
});

const dataset = z.object({
  name: z.string(),
  sha256: z.string(),
  synthetic: z.boolean(),
  packets: z.number(),
  devices: z.array(
    z.object({
      name: z.string(),
      category: z.enum(['iot', 'non-iot']),
      packets: z.number(),
      train: z.number(),
      test: z.number(),
    }),
  ),
  from: maybe,
  to: maybe,
  ingest: z.object({ read: z.number(), kept: z.number(), dropped: z.record(z.string(), z.number()) }),
});

const identification = z.object({
  accuracy: z.number(),
  accuracyLow: maybe,
  accuracyHigh: maybe,
  balancedAccuracy: z.number(),
  macroF1: z.number(),
  chance: z.number(),
  majority: z.number(),
  perDevice: z.record(z.string(), z.object({ precision: maybe, recall: maybe, f1: maybe, support: z.number() })),
  classes: z.array(z.string()),
  confusion: z.array(z.array(z.number())),
});

const spread = z.object({ p50: maybe, p95: maybe, p99: maybe, max: maybe });

const cost = z.object({
  bandwidthOverhead: maybe,
  packetOverhead: maybe,
  megabytesPerDay: maybe,
  gigabytesPerMonth: maybe.optional(),
  addedDelay: spread,
  delayHistogram: z
    .object({
      from: z.number().positive(),
      binsPerDecade: z.number().int().positive().max(1000),
      counts: z.array(z.number()).min(1).max(10_000),
    })
    .nullable()
    .optional(),
  dropped: z.number(),
  durationRatio: maybe,
});

const presence = z.object({
  hours: z.number(),
  active: z.number(),
  precision: maybe,
  recall: maybe,
  perDevice: z.record(z.string(), z.object({ precision: maybe, recall: maybe, activeHours: z.number() })),
});

const openWorld = z.object({
  threshold: z.number(),
  falseAlarms: maybe,
  recall: maybe,
  auroc: maybe,
  oscr: maybe,
  curve: z.array(z.number()),
  perUnknown: z.record(z.string(), z.object({ recall: maybe, takenFor: z.string().nullable(), support: z.number() })),
  known: z.object({
    accuracy: z.number(),
    balancedAccuracy: z.number(),
    macroF1: z.number(),
    chance: z.number(),
    majority: z.number(),
  }),
});

const live = z.object({
  speed: z.number(),
  seconds: z.number(),
  connections: z.object({ opened: z.number(), failed: z.number() }),
  messages: z.number(),
  late: spread,
  lost: z.number(),
  strangers: z.number(),
  tunnel: z.object({ late: spread, stalls: z.number() }).nullable(),
  problems: z.array(z.string()),
});

const cell = z.object({
  attack: z.string(),
  defense: z.string(),
  params: z.array(parameters),
  view: z.string(),
  mix,
  adversary,
  seed: z.number(),
  identification,
  presence: presence.optional(),
  openWorld: openWorld.optional(),
  cost,
  live: live.optional(),
  insight: z.record(z.string(), z.number()).nullable(),
  seconds: z.object({ fit: z.number(), predict: z.number(), defend: z.number() }),
});

const metrics = z.object({
  defense: z.string(),
  view: z.string(),
  mix,
  seed: z.number(),
  nearestNeighbourError: z.record(z.string(), maybe),
  bayesErrorBound: maybe,
  accuracyBound: maybe,
  deviceEntropy: z.number(),
  mutualInformation: z.record(z.string(), z.number()),
  coverAuc: maybe,
});

const summaryRow = z.object({
  defense: z.string(),
  params: z.array(parameters),
  bestAttack: z.string(),
  adversary,
  accuracy: interval,
  static: interval.nullable(),
  adaptive: interval.nullable(),
  drop: maybe,
  dropLow: maybe.optional(),
  dropHigh: maybe.optional(),
  chance: z.number(),
  majority: z.number(),
  bandwidthOverhead: maybe,
  addedDelayP95: maybe,
  pareto: z.boolean(),
});

/** Keys that are not named here are let through, so that the result of a later version still reads. */
const resultSchema: z.ZodType<Result> = z.object({
  schemaVersion: z.literal(1),
  tool,
  environment,
  spec,
  dataset,
  cells: z.array(cell),
  metrics: z.array(metrics).optional(),
  summary: z.array(summaryRow),
  transfer: z
    .array(
      z.object({
        attack: z.string(),
        trainedOn: z.string(),
        testedOn: z.string(),
        seed: z.number(),
        accuracy: z.number(),
        balancedAccuracy: z.number(),
        macroF1: z.number(),
      }),
    )
    .optional(),
  failures: z
    .array(
      z.object({
        attack: z.string().nullable(),
        defense: z.string(),
        adversary: adversary.nullable(),
        seed: z.number(),
        message: z.string(),
      }),
    )
    .optional(),
  warnings: z.array(z.string()),
});

const studySchema: z.ZodType<StudyResult> = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('study'),
  name: z.string(),
  tool,
  environment,
  runs: z.array(resultSchema).min(1),
  failures: z.array(z.object({ setting: z.string(), message: z.string() })).optional(),
  warnings: z.array(z.string()).optional(),
});
