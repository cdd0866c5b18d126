import { expect, test } from 'vitest';
import { findChannels } from '../../../src/home/fitted/channels.js';
import { createLevels, findDependence } from '../../../src/home/fitted/dependence.js';
import { distributionOf, highest, lowest, valueAt } from '../../../src/home/fitted/distribution.js';
import {
  gapClass,
  gapCuts,
  normalProbability,
  normalQuantile,
  scoreCorrelation,
} from '../../../src/home/fitted/gaps.js';
import { createPredictor } from '../../../src/home/fitted/predictor.js';
import { findRhythm, fromRhythm, toRhythm } from '../../../src/home/fitted/rhythm.js';
import { learnSequence } from '../../../src/home/fitted/sequence.js';
import { createRng } from '../../../src/shared/rng.js';

const rng = createRng(1, 'parts');

test('gaps fall into classes at the valleys between them', () => {
  const gaps = [0.01, 5, 60].flatMap((centre) =>
    Array.from({ length: 200 }, () => centre * Math.exp(rng.normal(0, 0.05))),
  );
  const cuts = gapCuts(gaps);
  expect(new Set([0.01, 5, 60].map((gap) => gapClass(cuts, gap))).size).toBe(3);
  for (const centre of [0.01, 5, 60]) {
    const classes = new Set([0.9, 1, 1.1].map((factor) => gapClass(cuts, centre * factor)));
    expect(classes.size).toBe(1);
  }
  expect(gapCuts([0, 0, 0])).toEqual([]);
});

test('a few points keep a distribution: drawn again, it has the same mean and tails', () => {
  const samples = Array.from({ length: 5000 }, () => rng.exponential(10));
  const points = distributionOf(samples, (x) => x);
  expect(points.length).toBeLessThan(25);
  const drawn = Array.from({ length: 5000 }, () => valueAt(points, rng.uniform()));
  const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  expect(Math.abs(mean(drawn) - mean(samples))).toBeLessThan(0.8);
  expect(drawn.filter((x) => x > 23.03).length / 5000).toBeCloseTo(0.1, 1);
  expect([lowest(points), highest(points)]).toEqual([Math.min(...samples), Math.max(...samples)]);
});

test('a distribution by hand: one value, a line, and two steady periods with nothing between', () => {
  expect(distributionOf([7, 7, 7], (x) => x)).toEqual([[0, 7]]);
  expect(valueAt([[0, 7]], 0.3)).toBe(7);
  // Evenly spread samples lie on the line from the first to the last.
  expect(distributionOf([1, 2, 3, 4, 5], (x) => x)).toEqual([
    [0, 1],
    [1, 5],
  ]);
  // Three in four at 299.92, one in four at 300.91: samples 0 to 299 and 300 to 399 of 399 steps.
  const periods = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 300.91 : 299.92));
  const points = distributionOf(periods, (x) => x);
  expect(points).toEqual([
    [0, 299.92],
    [0.7494, 299.92],
    [0.7519, 300.91],
    [1, 300.91],
  ]);
  const between = Array.from({ length: 1000 }, (_, i) => valueAt(points, (i + 0.5) / 1000));
  expect(between.filter((x) => x > 299.93 && x < 300.9).length).toBeLessThanOrEqual(3);
});

test('no curve is off by more than it says', () => {
  for (const draw of [
    () => rng.exponential(1),
    () => rng.normal(0, 1),
    () => rng.integer(0, 5),
    () => rng.uniform() ** 8,
  ]) {
    for (const n of [2, 40, 3000]) {
      const samples = Float64Array.from({ length: n }, draw).sort();
      const points = distributionOf([...samples], (x) => x);
      // The share of samples below a value, and the levels there: both jump where samples are equal.
      const worst = Math.max(
        ...points.slice(1).flatMap(([to, b], k) => {
          const [from, a] = points[k]!;
          return [...samples].flatMap((x, i) =>
            x > a && x < b ? [Math.abs(i / (n - 1) - (from + ((x - a) / (b - a)) * (to - from)))] : [],
          );
        }),
        0,
      );
      expect(worst).toBeLessThan(Math.max(0.01, 0.7 / Math.sqrt(n)) + 1e-4);
    }
  }
});

test('normal quantiles and probabilities are those of the tables', () => {
  // scipy.stats.norm.ppf and cdf.
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 7);
  expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306, 7);
  expect(normalQuantile(0.5)).toBe(0);
  expect(normalProbability(1.959963985)).toBeCloseTo(0.975, 6);
  expect(normalProbability(-3.090232306)).toBeCloseTo(0.001, 6);
});

test('likeness of neighbours is found by ranks', () => {
  let x = 0;
  const drifting = Array.from({ length: 4000 }, () => {
    x = 0.9 * x + Math.sqrt(1 - 0.81) * rng.normal(0, 1);
    return Math.exp(x);
  });
  expect(scoreCorrelation(drifting)).toBeCloseTo(0.9, 1);
  expect(Math.abs(scoreCorrelation(Array.from({ length: 4000 }, () => rng.uniform())))).toBeLessThan(0.08);
  expect(scoreCorrelation([1, 1, 1, 1])).toBe(0);
});

test('what drifts is a correlation; what stays put until it jumps, or takes turns, is a chain; chance is neither', () => {
  let x = 0;
  const drifting = Array.from({ length: 1500 }, () => {
    x = 0.9 * x + Math.sqrt(1 - 0.81) * rng.normal(0, 1);
    return x;
  });
  expect(findDependence(drifting).persistence).toBeCloseTo(0.9, 1);
  const turns = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 10 : 230) + rng.normal(0, 1));
  expect(findDependence(turns).levels).toBeDefined();
  let level = 0;
  const sticky = Array.from({ length: 2000 }, () => {
    if (rng.uniform() < 0.02) level = rng.uniform();
    return level;
  });
  expect(findDependence(sticky).levels).toBeDefined();
  expect(findDependence(Array.from({ length: 2000 }, () => rng.uniform()))).toEqual({});
  expect(findDependence(turns.slice(0, 29))).toEqual({});
});

test('levels are uniform in the long run and follow on one another as they did', () => {
  const turns = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 10 : 230) + rng.normal(0, 1));
  const next = createLevels(findDependence(turns), createRng(3, 'levels'));
  const drawn = Array.from({ length: 4000 }, next);
  // Those of the lower half and those of the upper take turns, always.
  expect(drawn.slice(1).filter((u, i) => u < 0.5 === drawn[i]! < 0.5)).toEqual([]);
  for (const q of [0.25, 0.5, 0.75]) expect(drawn.filter((u) => u < q).length / 4000).toBeCloseTo(q, 1);
  const drift = createLevels({ persistence: 0.8 }, createRng(4, 'levels'));
  expect(scoreCorrelation(Array.from({ length: 4000 }, drift))).toBeCloseTo(0.8, 1);
});

test('contexts are as long as they need to be', () => {
  // After 0, 1 comes twice and then 2: one symbol back does not tell, two do.
  const symbols = Array.from({ length: 600 }, (_, i) => [0, 1, 1, 2][i % 4]!);
  const contexts = learnSequence(symbols, { order: 6, price: 1 });
  const next = (...after: number[]) =>
    [...contexts.find((context) => `${context.after}` === `${after}`)!.next].map(([symbol]) => symbol);
  expect(next(0, 1)).toEqual([1]);
  expect(next(1, 1)).toEqual([2]);
  expect(Math.max(...contexts.map(({ after }) => after.length))).toBe(2);
  const chance = Array.from({ length: 600 }, () => rng.integer(0, 3));
  expect(learnSequence(chance, { order: 6, price: 1 })).toHaveLength(1);
});

test('the longest context that fits decides', () => {
  const predictor = createPredictor([
    { after: [], next: [[0, 5]] },
    { after: [1], next: [[1, 5]] },
    { after: [2, 0, 1], next: [[2, 5]] },
  ]);
  const after = (...symbols: number[]) => {
    for (const symbol of symbols) predictor.push(symbol);
    return [...predictor.following().symbols];
  };
  expect(after()).toEqual([0]);
  expect(after(0)).toEqual([0]);
  expect(after(1)).toEqual([1]);
  expect(after(2, 0, 1)).toEqual([2]);
  expect(after(0, 1)).toEqual([1]);
});

test('what follows at one lag goes together; what only shares the time does not', () => {
  const span = 36_000;
  const times = (every: number, offset = 0) =>
    Float64Array.from({ length: Math.floor((span - offset) / every) }, (_, i) => offset + i * every);
  const busy = times(37);
  const answers = busy.map((time) => time + 5 + 0.02 * rng.uniform());
  const own = times(61, 3);
  expect(findChannels([busy, answers, own], span)).toEqual([[0, 1], [2]]);
});

test('a rhythm is found where days are alike, and its clock runs both ways', () => {
  const from = Date.UTC(2026, 2, 2) / 1000;
  const days = 5;
  const times = Array.from({ length: days * 24 * 6 }, (_, i) => from + i * 600);
  expect(findRhythm(times, from, from + days * 86_400)).toBeNull();
  const awake = times.filter((time) => Math.floor(time / 3600) % 24 >= 12);
  const rhythm = findRhythm(awake, from, from + days * 86_400)!;
  expect(rhythm.reduce((sum, x) => sum + x, 0) / 24).toBeCloseTo(1, 3);
  expect(rhythm[15]! / rhythm[3]!).toBeGreaterThan(10);
  expect(findRhythm(awake, from, from + 2 * 86_400)).toBeNull();
  for (const [at, seconds] of [
    [from + 1000, 500],
    [from + 40_000, 50_000],
    [from + 7, 200_000],
  ] as const) {
    expect(fromRhythm(rhythm, at, toRhythm(rhythm, at, seconds))).toBeCloseTo(seconds, 3);
  }
});
