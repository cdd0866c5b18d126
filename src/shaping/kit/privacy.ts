/** The guarantee that several Gaussian mechanisms in a row give together. */
export interface PrivacyBudget {
  readonly epsilon: number;
  readonly delta: number;
  /** The most that any one of the values differs between two neighbouring inputs. */
  readonly sensitivity: number;
  /** The number of values released. */
  readonly releases: number;
}

/**
 * Standard deviation of the normal noise that makes all `releases` values together, and anything computed from them,
 * (epsilon, delta)-differentially private, even where a value depends on the noise of earlier ones.
 *
 * At Rényi order a, one release of deviation s costs a D^2 / 2 s^2 for sensitivity D, and n cost n times that, so that
 * epsilon = n a D^2 / 2 s^2 + ln(1 / delta) / (a - 1) (Mironov, "Rényi Differential Privacy", CSF 2017, propositions 1, 3 and
 * corollary 3). With r = n D^2 / 2 s^2 the best order gives r + 2 sqrt(r ln(1 / delta)), which is solved for s here. The least
 * deviation possible (Balle and Wang, ICML 2018) is smaller: by a fifth for epsilon = 1 and delta = 10^-6.
 */
export function gaussianDeviation({ epsilon, delta, sensitivity, releases }: PrivacyBudget): number {
  const log = Math.log(1 / delta);
  const cost = (Math.sqrt(log + epsilon) - Math.sqrt(log)) ** 2;
  return sensitivity * Math.sqrt(releases / (2 * cost));
}
