/**
 * The lowest error of any classifier over the same features, from the error of the nearest neighbour: with L classes and an error r of
 * the nearest neighbour, the Bayes error is at least (L-1)/L (1 - sqrt(1 - L/(L-1) r)). Cover and Hart, "Nearest
 * neighbor pattern classification", IEEE Transactions on Information Theory 13(1), 1967; as a bound on fingerprinting: Cherubin,
 * "Bayes, not Naïve: Security Bounds on Website Fingerprinting Defenses", PoPETs 2017(4), section 4.
 *
 * It holds for infinite training data, drawn like the test data. With few packets, or after the home has changed, the nearest
 * neighbour errs more and the bound comes out too high: an estimate, not a proof.
 * @param error in [0, 1]; values above (L-1)/L, the error of guessing, count as that
 * @param classes L; with fewer than two the bound is 0
 */
export function bayesErrorBound(error: number, classes: number): number {
  if (classes < 2) return 0;
  const guessing = (classes - 1) / classes;
  return guessing * (1 - Math.sqrt(1 - Math.min(error, guessing) / guessing));
}
