/** Adam's constants, as its authors give them (Kingma and Ba, ICLR 2015, algorithm 1). */
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** The corrections of Adam's moments for their start at zero; `step` counts from 1. */
export function momentScales(step: number): { readonly mean: number; readonly variance: number } {
  return { mean: 1 / (1 - adam.beta1 ** step), variance: 1 / (1 - adam.beta2 ** step) };
}
