import type { OnWarning } from '../onnx/runtime.js';
import type { Batch, TrainingBatch } from './batch.js';
import type { NetworkShape } from './network.js';

/** Constants of a training. */
export interface EngineOptions {
  readonly shape: NetworkShape;
  /** Packets per window and windows per batch of a training step. */
  readonly time: number;
  readonly batch: number;
  /** Share of each layer's output that is dropped in training, in [0, 1). */
  readonly dropout: number;
  /** Largest norm of a gradient; longer ones are scaled down to it. */
  readonly clipNorm: number;
  readonly threads: number;
  readonly device: 'cpu' | 'cuda';
  readonly onWarning?: OnWarning;
}

/**
 * Runs the network: the same mathematics on any runtime. It holds parameters and optimiser state, and copies them only on
 * request.
 */
export interface Engine {
  /** The package that does the work. */
  readonly runtime: string;
  /** Sets the parameters (see ParameterLayout) and forgets the optimiser's state. */
  setParameters(parameters: Float32Array): void;
  /** A copy of the parameters. */
  getParameters(): Float32Array;
  /** One step of Adam on the clipped gradient. */
  step(batch: TrainingBatch, rate: number): Promise<StepResult>;
  /** The loss and its gradient, without a step; like the parameters. */
  gradient(batch: TrainingBatch): Promise<{ loss: number; gradient: Float32Array }>;
  /** Probabilities, time x batch x classes, for any time and batch; values on padding are undefined. */
  predict(batch: Batch): Promise<Float32Array>;
  dispose(): Promise<void>;
}

interface StepResult {
  readonly loss: number;
  /** Norm of the gradient before clipping. */
  readonly norm: number;
}
