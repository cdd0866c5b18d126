/** How long a training lasts. */
export interface Length {
  /** Most passes over the training windows; 0 for as many as `steps` take, and at least 15. */
  readonly epochs: number;
  readonly steps: number;
  /** Epochs without a better validation score before training ends; 0 for a third of all. */
  readonly patience: number;
}

/** Passes over many windows that are enough; over few they would be too few steps to learn anything (docs/results/homemole.md). */
const LEAST_EPOCHS = 15;

/** The most epochs of training, and the most epochs without a better score, for `perEpoch` steps an epoch. */
export function lengthOf(length: Length, perEpoch: number): { epochs: number; patience: number } {
  const epochs = length.epochs || Math.max(LEAST_EPOCHS, Math.ceil(length.steps / perEpoch));
  return { epochs, patience: length.patience || Math.ceil(epochs / 3) };
}

/** Learning rate at `step`: a linear rise over the first twentieth of `steps`, then a cosine down to zero. */
export function rateAt(step: number, steps: number, peak: number): number {
  const rise = Math.max(1, Math.floor(steps / 20));
  if (step < rise) return (peak * (step + 1)) / rise;
  return peak * 0.5 * (1 + Math.cos((Math.PI * (step - rise)) / Math.max(1, steps - rise)));
}
