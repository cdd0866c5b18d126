import { type Bound, type ParameterDomain, type ParameterSchema, parameterDomains } from '../shared/parameters.js';
import type { Rng } from '../shared/rng.js';

/** Share of the parameters that a drawn set names; the others keep their defaults. */
const NAMED = 0.6;
/** Share of the numbers that are drawn at the very end of their range. */
const AT_END = 0.1;
/** Decades between the largest value and the smallest that is drawn, in a range that begins at 0. */
const DECADES = 6;

/**
 * A set of parameters drawn from all that the schema's bounds allow: numbers log-uniformly, since ranges span decades, choices each as
 * likely as the others. Text keeps its default. The schema may still refuse the set, for what goes together with what.
 */
export function drawParameters(schema: ParameterSchema, rng: Rng): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, domain] of parameterDomains(schema)) {
    if (rng.uniform() >= NAMED) continue;
    const value = drawValue(domain, rng);
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** Undefined where the domain does not say enough. */
function drawValue(domain: ParameterDomain, rng: Rng): unknown {
  if (domain.kind === 'choice') return domain.choices[rng.integer(0, domain.choices.length - 1)];
  if (domain.kind === 'any' || !domain.low || !domain.high) return undefined;
  const isInteger = domain.kind === 'integer';
  const low = smallest(domain.low, isInteger);
  const high = -smallest(negated(domain.high), isInteger);
  if (rng.uniform() < AT_END) return rng.uniform() < 0.5 ? low : high;
  const value = low < 0 ? low + rng.uniform() * (high - low) : logUniform(low, high, isInteger, rng);
  return Math.min(high, Math.max(low, isInteger ? Math.round(value) : value));
}

function logUniform(low: number, high: number, isInteger: boolean, rng: Rng): number {
  if (high <= 0) return low;
  const floor = low > 0 ? low : isInteger ? 1 : high * 10 ** -DECADES;
  return floor * (high / floor) ** rng.uniform();
}

/** The smallest number within a lower bound, but for rounding. */
function smallest({ value, excluded }: Bound, isInteger: boolean): number {
  if (!excluded) return isInteger ? Math.ceil(value) : value;
  return isInteger ? Math.floor(value) + 1 : value + step(value);
}

/** The first number beyond a lower bound. */
export function justBelow({ value, excluded }: Bound, isInteger: boolean): number {
  if (excluded) return value;
  return isInteger ? Math.ceil(value) - 1 : value - step(value);
}

/** The first number beyond an upper bound. */
export function justAbove(bound: Bound, isInteger: boolean): number {
  return -justBelow(negated(bound), isInteger);
}

const negated = ({ value, excluded }: Bound): Bound => ({ value: -value, excluded });

/** Small beside `value`, and large enough to be told from it when written with six digits. */
const step = (value: number): number => Math.max(Math.abs(value), 1) * 1e-6;
