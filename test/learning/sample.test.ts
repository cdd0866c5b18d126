import { expect, it } from 'vitest';
import { sample } from '../../src/learning/sample.js';
import { createRng } from '../../src/shared/rng.js';

const values = Uint32Array.from({ length: 20 }, (_, i) => 10 * i);

it('a sample has one value of each stretch, and each as often as the others', () => {
  const rng = createRng(1, 'sample');
  const drawn = new Map<number, number>();
  for (let i = 0; i < 4000; i++) {
    const some = sample(values, 5, rng);
    expect(Array.from(some, (value) => Math.floor(value / 40))).toEqual([0, 1, 2, 3, 4]);
    for (const value of some) drawn.set(value, (drawn.get(value) ?? 0) + 1);
  }
  // 1000 times on average, with a standard deviation of 27.
  for (const value of values) expect(Math.abs(drawn.get(value)! - 1000)).toBeLessThan(120);
});

it('a sample of as many as there are is all of them', () => {
  expect(sample(values, 20, createRng(1))).toEqual(values);
  expect(sample(values, 1000, createRng(1))).toEqual(values);
});
