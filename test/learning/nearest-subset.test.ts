import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestSubset } from '../../src/learning/nearest-subset.js';

/** The subset for vectors given in full. */
function nearest(vectors: readonly number[][], other: readonly number[], size: number): number[] {
  const inner = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const gram = Float64Array.from(vectors.flatMap((a) => vectors.map((b) => inner(a, b))));
  return nearestSubset(
    Float64Array.from(vectors, (vector) => inner(vector, other)),
    gram,
    size,
  );
}

describe('the nearest subset', () => {
  const vectors = [
    [3, 0, 0],
    [0, 4, 0],
    [1, 1, 1],
    [0, 0, 0],
  ];

  it('is the one whose sum points the same way', () => {
    expect(nearest(vectors, [1, 0, 0], 1)).toEqual([0]);
    // [3, 4, 0] lies straight along it, although the third vector alone is nearer to it than either of the two.
    expect(nearest(vectors, [3, 4, 0], 2)).toEqual([0, 1]);
    expect(nearest(vectors, [4, 1, 1], 2)).toEqual([0, 2]);
  });

  it('leaves out what is nothing, and has no more than there are', () => {
    expect(nearest(vectors, [1, 1, 1], 4)).toEqual([0, 1, 2]);
    expect(nearest([], [], 2)).toEqual([]);
    expect(nearest(vectors, [1, 1, 1], 0)).toEqual([]);
  });

  it('is found among millions where the vectors have nothing in common', () => {
    const unit = Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => (i === j ? 1 + i : 0)));
    const wanted = [1, 3, 8, 20, 21, 30, 35, 39];
    const sum = unit[0]!.map((_, j) => (wanted.includes(j) ? 1 + j : 0));
    expect(nearest(unit, sum, wanted.length)).toEqual(wanted);
  });

  it('has a smaller angle than every other of its size', () => {
    const vector = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 });
    const inputs = fc.tuple(fc.array(vector, { minLength: 3, maxLength: 5 }), vector);
    fc.assert(
      fc.property(inputs, ([given, other]) => {
        const vectors = given.filter((one) => one.some((value) => value > 0));
        if (vectors.length < 2) return;
        const cosine = (subset: readonly number[]) => {
          const sum = other.map((_, j) => subset.reduce((total, i) => total + vectors[i]![j]!, 0));
          const product = sum.reduce((total, value, j) => total + value * other[j]!, 0);
          return product / Math.hypot(...sum);
        };
        const best = cosine(nearest(vectors, other, 2));
        for (let a = 0; a < vectors.length; a++) {
          for (let b = a + 1; b < vectors.length; b++) expect(best).toBeGreaterThanOrEqual(cosine([a, b]) - 1e-9);
        }
      }),
    );
  });
});
