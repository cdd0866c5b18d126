import type { z } from 'zod';
import type { ParameterSchema } from '../shared/parameters.js';
import type { OnProgress } from '../shared/progress.js';
import type { Rng } from '../shared/rng.js';
import type { Mix } from './build-windows.js';
import type { Sight, Windows } from './windows.js';

/** Everything an attack gets besides data. */
export interface AttackContext<P = unknown> {
  readonly parameters: P;
  readonly rng: Rng;
  /** Worker threads it may use, at least 1. */
  readonly threads: number;
  readonly onProgress?: OnProgress;
  /** Reports something the user should know but need not act on: one line, without a full stop. */
  readonly onWarning?: (message: string) => void;
  /** Once aborted, an attack that learns in rounds ends with its best model so far. */
  readonly signal?: AbortSignal;
}

/** How an attack wants traffic cut into windows. What it leaves out is as the run says (`--mix`, `--window`, `--stride`). */
export interface Cut {
  /**
   * Streams that it can use, best first: it gets the first that the observer can tell apart. 'single' is a stream for each device,
   * 'flow' for each flow, 'remote' for each address outside the home, 'home' is all of it.
   */
  readonly streams?: readonly Mix[];
  /** Length of a window in `unit`. */
  readonly size?: number;
  /** Packets by default. */
  readonly unit?: 'packets' | 'seconds';
  /** From one window's start to the next one's, in `unit`, in training; by default a quarter of `size`. */
  readonly stride?: number;
  /** The same in prediction, at most `size`; by default `size`. Where windows overlap, a packet gets the mean of their answers. */
  readonly step?: number;
  /**
   * True for an attack whose answers about packets of one flow are averaged, since a flow is one device's. It is not done where the
   * flows of the training turn out to be shared, as in a tunnel.
   */
  readonly joinsFlows?: boolean;
}

/** A trained attack. */
export interface Identifier {
  /**
   * One row of probabilities per packet of `windows.packets`: row-major, packets x classes of the training windows.
   * Packets that are in no window get a row too: zeros, if the attack has no answer for them. From an attack that answers per window
   * ({@link Attack.answers}) one row per window: windows x classes.
   */
  predict(windows: Windows): Promise<Float32Array>;
  /** Figures of the attack's own training, for the result: out-of-bag score, feature importance. */
  readonly insight?: Readonly<Record<string, number>>;
  /** The model as a file; see {@link Attack.open}. */
  save?(): ModelFile;
}

/** A trained attack as one self-contained file. */
interface ModelFile {
  /** An ONNX model that takes unscaled packets: see model-input.ts. */
  readonly onnx: Uint8Array;
  /** How the model encodes packets, for its card: known ports, units, means. */
  readonly encoding: Readonly<Record<string, unknown>>;
}

/** Everything an attack gets besides the file to open a model. */
export interface OpenContext {
  /** Classes of the training: the columns of the probabilities. */
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
  /** The unit that it answers about: a packet (the default), or a window; the harness gives a window's answer to its packets. */
  readonly answers?: 'packet' | 'window';
  /** How it wants traffic cut; by default all is as the run says. */
  cut?(parameters: z.output<S>): Cut;
  /**
   * Sights that it asks for beyond {@link PacketFeatures}; all else is hidden from it. It is not run where captures, view or defense do not show
   * that; but `names` are optional, and '' where they are not known.
   */
  readonly sees?: readonly Sight[];
  /** True for an attack that is one of those that `--attack strongest` stands for. */
  readonly isAmongStrongest?: boolean;
  /**
   * True for an attack that stops early: it gets the end of the training time as `validation`. Others train on all of it.
   */
  readonly validates?: boolean;
  /**
   * True if a study should keep a model of these parameters for later runs, since training takes much longer than writing and opening
   * it. Needs `save` and `open`.
   */
  keepsModels?(parameters: z.output<S>): boolean;
  /**
   * @param train windows with labels
   * @param validation later windows of the same training time, no packets unless `validates`
   */
  fit(train: Windows, validation: Windows, context: AttackContext<z.output<S>>): Promise<Identifier>;
  /**
   * Opens a file that `save` of an identifier of this attack wrote: the probabilities are the same, on any machine. An attack without
   * both is measured like any other, but its models cannot be kept.
   * @param where begins error messages: the file's path
   * @throws InputError for a file that is damaged or of another attack
   */
  open?(onnx: Uint8Array, where: string, context: OpenContext): Promise<Identifier>;
}

/** Gives an attack its type; the identity at run time. */
export function defineAttack<S extends ParameterSchema>(attack: Attack<S>): Attack<S> {
  return attack;
}
