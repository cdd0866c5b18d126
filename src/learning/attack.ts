import type { z } from 'zod';
import type { ParameterSchema } from '../shared/parameters.js';
import type { OnProgress } from '../shared/progress.js';
import type { Rng } from '../shared/rng.js';
import type { Windows } from './windows.js';

/** What an attack is given besides data. */
export interface AttackContext<P = unknown> {
  readonly parameters: P;
  readonly rng: Rng;
  /** Worker threads it may use, at least 1. */
  readonly threads: number;
  readonly onProgress?: OnProgress;
  /** Takes what the user should know but need not act on: one line, without a full stop. */
  readonly onWarning?: (message: string) => void;
  /** Once aborted, an attack that learns in rounds ends with the best it has so far. */
  readonly signal?: AbortSignal;
}

/** A trained attack. */
export interface Identifier {
  /**
   * One row of probabilities per packet of `windows.packets`: row-major, packets x classes of the training windows.
   * Packets that are in no window get a row too (of zeros, if the attack cannot say anything of them).
   */
  predict(windows: Windows): Promise<Float32Array>;
  /** What the attack knows of its own training, for the result: out-of-bag score, feature importance. */
  readonly insight?: Readonly<Record<string, number>>;
  /** The model as a file; see {@link Attack.open}. */
  save?(): ModelFile;
}

/** A trained attack as a file that needs nothing beside it. */
interface ModelFile {
  /** An ONNX model that takes packets as they are: see model-input.ts. */
  readonly onnx: Uint8Array;
  /** How it makes its own numbers of those, for the model's card: ports that it knows, units, means. */
  readonly encoding: Readonly<Record<string, unknown>>;
}

/** What an attack is given besides the file to open a model. */
export interface OpenContext {
  /** As in training: the columns of the probabilities. */
  readonly classes: readonly string[];
  readonly threads: number;
  readonly onWarning?: (message: string) => void;
}

/** An attack: see docs/writing-an-attack.md for how to write one. */
export interface Attack<S extends ParameterSchema = ParameterSchema> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Paper and section. */
  readonly source: string;
  readonly parameters: S;
  /**
   * True for an attack that stops early: the end of the training time is then kept from `train` and given as
   * `validation`. Otherwise it trains on all of it.
   */
  readonly validates?: boolean;
  /**
   * Whether a model of these parameters takes so much longer to train than to write and open that a study should keep it, so that a later
   * run of the study need not train it again. Needs `save` and `open`.
   */
  keepsModels?(parameters: z.output<S>): boolean;
  /**
   * @param train windows with labels
   * @param validation later windows of the same training time, no packets unless `validates`
   */
  fit(train: Windows, validation: Windows, context: AttackContext<z.output<S>>): Promise<Identifier>;
  /**
   * Opens what `save` of an identifier of this attack gave: the probabilities are the same, on any machine. An attack that has
   * neither is measured like any other, but its models cannot be kept.
   * @param where begins error messages: the file's path
   * @throws InputError for a file that is damaged, or another's
   */
  open?(onnx: Uint8Array, where: string, context: OpenContext): Promise<Identifier>;
}

/** Gives an attack its type; the identity at run time. */
export function defineAttack<S extends ParameterSchema>(attack: Attack<S>): Attack<S> {
  return attack;
}
