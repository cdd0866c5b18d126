import { z } from 'zod';
import { MIXES } from '../learning/build-windows.js';
import { InputError } from '../shared/errors.js';
import { describeIssue, firstIssue } from '../shared/issues.js';

/** Raise it with any change after which older versions of the tool would read a card wrongly. */
export const CARD_VERSION = 1;

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const time = z.number().nullable();
const parameters = z.record(z.string(), z.unknown());
const plugin = z.object({ name: z.string(), label: z.string(), parameters });
const part = z.object({ packets: count, from: time, to: time });

/**
 * The card of a model: `card.json`, beside the network or trees in `model.onnx`. Times are in seconds since the Unix epoch, and an
 * undefined value is null.
 */
const cardSchema = z.object({
  schemaVersion: z.literal(CARD_VERSION),
  tool: z.object({ name: z.literal('homeveil'), version: z.string(), commit: z.string().nullable() }),
  /** Files that the attack or the defense may have come from; see PluginFile. */
  plugins: z.array(z.object({ path: z.string(), sha256: z.string() })).default([]),
  attack: plugin,
  /** Columns of the probabilities, in this order. `cover` is no device: its category is null. */
  classes: z.array(z.object({ name: z.string(), category: z.enum(['iot', 'non-iot']).nullable() })).min(2),
  features: z.object({
    /** FEATURE_VERSION in windows.ts. */
    version: z.int(),
    port: z.enum(['service', 'destination']),
    /** Columns of the input `features` of the ONNX model, in this order. Its other input is `port`. */
    columns: z.array(z.object({ name: z.string(), unit: z.string() })),
    /** How the ONNX model makes its own numbers of them: differs from attack to attack. */
    encoding: parameters,
  }),
  view: plugin,
  mix: z.enum(MIXES),
  window: z.int().min(1),
  /** Packets from one training window to the next. */
  stride: z.int().min(1),
  /** The defense of the traffic that it was trained on. */
  defense: z.object({ label: z.string(), parts: z.array(plugin) }),
  split: z.object({
    by: z.enum(['time', 'file', 'paths']),
    train: z.number().nullable(),
    /** Hours between the training and the test part. */
    gap: z.number().optional(),
  }),
  seed: z.int(),
  data: z.object({
    /** Name of the training data, and of the test data if that is a part of the same data (see `split`). */
    name: z.string(),
    /** Hash of that data in the view; see DatasetSummary. If test data are given apart: of the training part, less the home's ports. */
    sha256: z.string(),
    /** True for the synthetic home: such a model knows no real device. */
    synthetic: z.boolean(),
    train: part,
    /** With name and hash where it was given apart. */
    test: part.extend({ name: z.string().optional(), sha256: z.string().optional() }).nullable(),
  }),
  /** On the test part; null where all data was trained on. */
  scores: z
    .object({
      accuracy: share,
      accuracyLow: share.nullable(),
      accuracyHigh: share.nullable(),
      balancedAccuracy: share,
      macroF1: share,
      chance: share,
      majority: share,
      perDevice: z.record(
        z.string(),
        z.object({ precision: share.nullable(), recall: share.nullable(), f1: share.nullable(), support: count }),
      ),
      classes: z.array(z.string()),
      confusion: z.array(z.array(count)),
      /**
       * For each class the share of the other classes' packets that were called it with confidence (see conclude.ts): what
       * mistakes alone make of it.
       */
      mistaken: z.array(share),
    })
    .nullable(),
  insight: z.record(z.string(), z.number()).nullable(),
  /** True where training was interrupted: the model is the best that there was by then. */
  interrupted: z.boolean(),
  seconds: z.object({ fit: z.number() }),
  model: z.object({ sha256: z.string(), bytes: count }),
});

export type ModelCard = z.output<typeof cardSchema>;

/**
 * Reads the text of a card.
 * @param where begins error messages: the file's path
 * @throws InputError where it is damaged, no card of a model, or of a newer version.
 */
export function parseCard(text: string, where: string): ModelCard {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${where}: expected the card of a model, found what is no JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  const version = (data as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > CARD_VERSION) {
    throw new InputError(
      `${where}: expected version ${CARD_VERSION} of a model's card, found ${version}: a newer homeveil wrote it`,
    );
  }
  const parsed = cardSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const problem = describeIssue(firstIssue(parsed.error));
  throw new InputError(`${where}: expected the card of a model, found another file: ${problem}`);
}
