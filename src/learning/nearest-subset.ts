/** Subsets that are tried one by one at most; where there are more, classes are added one after another. */
const MOST = 20_000;

/**
 * The `size` vectors whose sum has the smallest angle to another vector: all subsets are tried where they are at most 20,000, and otherwise
 * the vectors are added one after another, each time the one that makes the angle smallest. Vectors of zeros are left out.
 * @param products inner product of each vector with the other one
 * @param gram inner products of the vectors with each other, row-major
 * @returns indices of the vectors, ascending; fewer than `size` where there are no more
 */
export function nearestSubset(products: Float64Array, gram: Float64Array, size: number): number[] {
  const width = products.length;
  const all = [...products.keys()].filter((i) => gram[i * width + i]! > 0);
  const wanted = Math.min(size, all.length);
  let best: number[] = [];
  let highest = Number.NEGATIVE_INFINITY;
  const chosen: number[] = [];

  /** Square of the length of the sum of the chosen vectors and one more. */
  const squareWith = (square: number, one: number) =>
    chosen.reduce((sum, other) => sum + 2 * gram[one * width + other]!, square + gram[one * width + one]!);

  const tryAll = (from: number, product: number, square: number) => {
    if (chosen.length === wanted) {
      const cosine = product / Math.sqrt(square);
      if (cosine > highest) {
        highest = cosine;
        best = [...chosen];
      }
      return;
    }
    for (let i = from; i <= all.length - (wanted - chosen.length); i++) {
      const one = all[i]!;
      const larger = squareWith(square, one);
      chosen.push(one);
      tryAll(i + 1, product + products[one]!, larger);
      chosen.pop();
    }
  };

  if (wanted === 0) return [];
  if (subsets(all.length, wanted) <= MOST) {
    tryAll(0, 0, 0);
    return best;
  }
  let product = 0;
  let square = 0;
  while (chosen.length < wanted) {
    const left = all.filter((one) => !chosen.includes(one));
    const cosines = left.map((one) => (product + products[one]!) / Math.sqrt(squareWith(square, one)));
    const next = left[cosines.indexOf(Math.max(...cosines))]!;
    product += products[next]!;
    square = squareWith(square, next);
    chosen.push(next);
  }
  return chosen.sort((a, b) => a - b);
}

/** The number of subsets of `size` among `all`. */
function subsets(all: number, size: number): number {
  let number = 1;
  for (let i = 1; i <= Math.min(size, all - size); i++) number *= (all - i + 1) / i;
  return number;
}
