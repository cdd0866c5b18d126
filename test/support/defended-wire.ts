import type { AppliedDefense, Defense } from '../../src/shaping/shaper.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { makeTrace, type Packet } from './traces.js';

/** `packets` through `defense` with the parameters `given`. */
export function defend(defense: Defense, given: Record<string, unknown>, packets: readonly Packet[], seed = 5) {
  const parameters = resolveParameters(defense.parameters, given, `defense ${defense.name}`);
  const applied: AppliedDefense = { defense, parameters };
  return shapeAll(makeTrace(packets), [applied], { rng: createRng(seed) });
}

/** The part of each frame that an observer of a tunnel sees. */
export const wireOf = ({ time, length, direction }: Trace) => [[...time], [...length], [...direction]];

/** Times of the frames of one direction. */
export const timesOf = ({ time, direction }: Trace, out: boolean): number[] =>
  [...time].filter((_, i) => (direction[i] === 1) === out);
