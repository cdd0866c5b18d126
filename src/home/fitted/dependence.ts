import { createRng, type Rng } from '../../shared/rng.js';
import { normalProbability, scoreCorrelation } from './gaps.js';
import { createPredictor } from './predictor.js';
import type { FittedPacket } from './profile.js';
import { learnSequence } from './sequence.js';

/** Fewest samples that show the dependence of one on the last. */
const FEWEST = 30;
/** Numbers of equally large classes, by the number of samples. */
const MANY = 1000;
const FEW_CLASSES = 8;
const MANY_CLASSES = 16;
/** Longest context, in samples. */
const ORDER = 4;

export type Dependence = Pick<FittedPacket, 'levels' | 'persistence'>;

/**
 * The dependence of successive samples, by their ranks, whatever their distribution: a Gaussian copula with one correlation (a time that
 * drifts), or a variable-order Markov chain over classes of ranks (a time that jumps now and then, or two that alternate);
 * whichever shortens the description of the samples more (BIC), if either does.
 */
export function findDependence(samples: readonly number[]): Dependence {
  const n = samples.length;
  if (n < FEWEST) return {};
  const perNumber = Math.log(n) / 2;
  const persistence = scoreCorrelation(samples);
  const byCorrelation = (-n * Math.log(1 - persistence * persistence)) / 2 - perNumber;

  const classes = n >= MANY ? MANY_CLASSES : FEW_CLASSES;
  const level = classesOf(samples, classes);
  const contexts = learnSequence(level, { order: ORDER, price: 1 }).map(({ after, next }) => ({
    after: [...after],
    next: [...next] as [number, number][],
  }));
  let byChain = n * Math.log(classes) + perNumber * classes;
  const predictor = createPredictor(contexts);
  // The samples form a circle, as in learning.
  for (const symbol of level.subarray(-ORDER)) predictor.push(symbol);
  for (const symbol of level) {
    const { symbols, counts } = predictor.following();
    const total = counts.reduce((sum, count) => sum + count, 0);
    byChain += Math.log(counts[symbols.indexOf(symbol)]! / total);
    predictor.push(symbol);
  }
  for (const { next } of contexts) byChain -= perNumber * next.length;

  if (contexts.length === 1) byChain = 0;
  if (Math.max(byCorrelation, byChain) <= 0) return {};
  return byChain > byCorrelation ? { levels: { classes, contexts } } : { persistence: Number(persistence.toFixed(4)) };
}

/** The class of each sample, from 0 for the smallest; equal samples are ranked at random, so that each class has its share. */
function classesOf(samples: readonly number[], classes: number): Uint8Array {
  const n = samples.length;
  const rng = createRng('dependence', 'ties');
  const tie = Float64Array.from(samples, () => rng.uniform());
  const order = Uint32Array.from(samples, (_, i) => i).sort((a, b) => samples[a]! - samples[b]! || tie[a]! - tie[b]!);
  const level = new Uint8Array(n);
  for (const [rank, i] of order.entries()) level[i] = Math.floor((rank * classes) / n);
  return level;
}

/** Draws levels from 0 to 1, uniform in the long run, each dependent on those drawn before. */
export function createLevels({ levels, persistence }: Dependence, rng: Rng): () => number {
  if (levels) {
    const predictor = createPredictor(levels.contexts);
    return () => {
      const { symbols, counts } = predictor.following();
      let left = rng.uniform() * counts.reduce((sum, count) => sum + count, 0);
      let i = 0;
      while (i < symbols.length - 1 && left >= counts[i]!) left -= counts[i++]!;
      predictor.push(symbols[i]!);
      return (symbols[i]! + rng.uniform()) / levels.classes;
    };
  }
  if (persistence === undefined) return () => rng.uniform();
  let score = Number.NaN;
  return () => {
    const fresh = rng.normal(0, 1);
    score = Number.isNaN(score) ? fresh : persistence * score + Math.sqrt(1 - persistence * persistence) * fresh;
    return normalProbability(score);
  };
}
