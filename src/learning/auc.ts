/**
 * Area under the ROC curve: the probability that a row with `truth` 1 has a higher score than one with 0, where equal scores count half
 * (Mann and Whitney's U). 0.5 is guessing.
 * @returns null where all rows are of one kind
 */
export function areaUnderRoc(scores: Float32Array, truth: Uint8Array): number | null {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let ranks = 0;
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++;
    let tied = 0;
    for (let i = from; i < to; i++) tied += truth[order[i]!]!;
    positives += tied;
    // Equal scores share the mean of their ranks, which begin at 1.
    ranks += (tied * (from + 1 + to)) / 2;
    from = to;
  }
  const pairs = positives * (order.length - positives);
  return pairs === 0 ? null : (ranks - (positives * (positives + 1)) / 2) / pairs;
}
