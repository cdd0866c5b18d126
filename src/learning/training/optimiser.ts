/** Adam's constants, as its authors give them (Kingma and Ba, ICLR 2015, algorithm 1). */
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** The corrections of Adam's moments for their start at zero; `step` counts from 1. */
export function momentScales(step: number): { readonly mean: number; readonly variance: number } {
  return { mean: 1 / (1 - adam.beta1 ** step), variance: 1 / (1 - adam.beta2 ** step) };
}

/** Adam, or its form with a largest gradient in place of the second moment (algorithms 1 and 2 of its paper). */
export type OptimiserName = 'adam' | 'adamax';

/** Moves parameters against a gradient, in place, and remembers moments of the gradient for the next step. */
export type Optimiser = (parameters: Float32Array, gradient: Float32Array, rate: number) => void;

/**
 * An optimiser of `size` parameters. One loop reads and writes each number once; as operators of a graph it would be ten passes over
 * vectors that do not fit the processor's cache.
 */
export function createOptimiser(name: OptimiserName, size: number): Optimiser {
  const mean = new Float32Array(size);
  const second = new Float32Array(size);
  const { beta1, beta2, epsilon } = adam;
  const isAdam = name === 'adam';
  let steps = 0;
  return (parameters, gradient, rate) => {
    const scales = momentScales(++steps);
    const length = rate * scales.mean;
    for (let i = 0; i < size; i++) {
      const slope = gradient[i]!;
      const moment = beta1 * mean[i]! + (1 - beta1) * slope;
      const next = isAdam
        ? beta2 * second[i]! + (1 - beta2) * slope * slope
        : Math.max(beta2 * second[i]!, Math.abs(slope));
      const spread = isAdam ? Math.sqrt(next * scales.variance) : next;
      mean[i] = moment;
      second[i] = next;
      parameters[i]! -= (length * moment) / (spread + epsilon);
    }
  };
}
