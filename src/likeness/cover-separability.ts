import { areaUnderRoc } from '../learning/auc.js';
import type { Column } from '../learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../learning/forest/forest.js';
import type { Rng } from '../shared/rng.js';

export interface CoverRows {
  readonly columns: readonly Column[];
  /** 1 for cover, 0 for a real packet. */
  readonly cover: Uint8Array;
}

/** Enough for a ranking that no longer changes much; a defense has to do no better than this. */
const TREES = 50;

/**
 * How well cover is told from real packets by a random forest that is asked for nothing else: the area under its ROC curve on `test`,
 * 0.5 where it can but guess, 1 where no cover passes for real. What a forest does not find may still be found by another.
 * @returns null where there is no cover, or nothing else, in one of the two
 */
export async function coverSeparability(
  train: CoverRows,
  test: CoverRows,
  { rng, threads }: { readonly rng: Rng; readonly threads: number },
): Promise<number | null> {
  const hasBoth = ({ cover }: CoverRows) => cover.includes(0) && cover.includes(1);
  if (!hasBoth(train) || !hasBoth(test)) return null;
  const forest = await trainForest(train.columns, Uint16Array.from(train.cover), {
    classes: 2,
    trees: TREES,
    outOfBag: false,
    rng,
    threads,
  });
  const probabilities = await predictProbabilities(forest, test.columns, threads);
  const scores = Float32Array.from(test.cover, (_, row) => probabilities[2 * row + 1]!);
  return areaUnderRoc(scores, test.cover);
}
