import type { DefendedTrace } from '../../src/shaping/account.js';
import { type Defense, prepareDefense } from '../../src/shaping/shaper.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';

/** Prepares a defense on `training` and runs it over `trace`. */
export async function runDefense(
  defense: Defense,
  given: Record<string, unknown>,
  trace: Trace,
  { seed = 1, training = null }: { seed?: number; training?: Trace | null } = {},
): Promise<DefendedTrace> {
  const parameters = resolveParameters(defense.parameters, given, `defense ${defense.name}`);
  const rng = createRng(seed, 'prepare');
  const applied = await prepareDefense(defense, parameters, { trace: training, rng });
  return shapeAll(trace, [applied], { rng: createRng(seed) });
}

/** Rows of the cover packets of a trace. */
export function coverRows({ cover }: Trace): number[] {
  return [...cover.keys()].filter((row) => cover[row] === 1);
}
