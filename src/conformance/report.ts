import { describeThrown } from '../shared/errors.js';

/** Result of holding a plug-in to the contract of its kind. */
export interface ConformanceReport {
  readonly kind: 'defense' | 'attack' | 'view';
  readonly name: string;
  /** True if no check failed. */
  readonly passed: boolean;
  readonly checks: readonly CheckResult[];
}

export interface CheckResult {
  /** For example 'conserves-bytes'. */
  readonly name: string;
  /** The demand, in one sentence. */
  readonly summary: string;
  /**
   * `warning`: strange, but not against the contract. `skipped`: there was nothing to check, or an earlier failure left nothing.
   */
  readonly outcome: 'ok' | 'failed' | 'warning' | 'skipped';
  /** False only for `failed`. */
  readonly passed: boolean;
  /** One line: why it first failed, or was skipped. */
  readonly message?: string;
  /** Number of trials, and the parameters, traffic and seed of the first failure. */
  readonly detail: CheckDetail;
}

interface CheckDetail {
  readonly trials: number;
  readonly parameters?: string;
  readonly traffic?: string;
  readonly seed?: number;
  /** Further counts by name, such as refused sets of parameters. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** One demand. */
export interface Check {
  readonly name: string;
  readonly summary: string;
  /** True if a failure is only a warning. */
  readonly advice?: boolean;
}

/** Names the conditions under which a check was tried. */
export type Circumstances = Pick<CheckDetail, 'parameters' | 'traffic' | 'seed'>;

/** Thrown by a check for what it finds. */
export class Violation extends Error {}

/** @throws Violation */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}

/** Collects the first failure of each check. */
export interface Recorder {
  /** Tries a check; returns the value of `body`, or null if it failed. */
  attempt<T>(check: Check, circumstances: Circumstances, body: () => T): T | null;
  attemptAsync<T>(check: Check, circumstances: Circumstances, body: () => Promise<T>): Promise<T | null>;
  /** Says why there is nothing to try a check on; ignored if it was tried, or skipped before. */
  skip(check: Check, why: string): void;
  /** Adds to the counts of a check. */
  count(check: Check, name: string, more: number): void;
  finish(kind: ConformanceReport['kind'], name: string): ConformanceReport;
}

interface Tally {
  readonly check: Check;
  trials: number;
  failure?: { readonly message: string; readonly circumstances: Circumstances };
  skipped?: string;
  readonly counts: Map<string, number>;
}

/** @param checks in the order of the report */
export function createRecorder(checks: readonly Check[]): Recorder {
  const tallies = new Map<string, Tally>(
    checks.map((check) => [check.name, { check, trials: 0, counts: new Map<string, number>() }]),
  );
  const fail = (tally: Tally, circumstances: Circumstances, thrown: unknown): null => {
    const message = thrown instanceof Violation ? thrown.message : describeThrown(thrown);
    tally.failure ??= { message, circumstances };
    return null;
  };
  return {
    attempt(check, circumstances, body) {
      const tally = tallies.get(check.name)!;
      tally.trials++;
      try {
        return body();
      } catch (thrown) {
        return fail(tally, circumstances, thrown);
      }
    },
    async attemptAsync(check, circumstances, body) {
      const tally = tallies.get(check.name)!;
      tally.trials++;
      try {
        return await body();
      } catch (thrown) {
        return fail(tally, circumstances, thrown);
      }
    },
    skip(check, why) {
      tallies.get(check.name)!.skipped ??= why;
    },
    count(check, name, more) {
      const { counts } = tallies.get(check.name)!;
      counts.set(name, (counts.get(name) ?? 0) + more);
    },
    finish(kind, name) {
      const results = [...tallies.values()].map(resultOf);
      return { kind, name, passed: results.every(({ passed }) => passed), checks: results };
    },
  };
}

function resultOf({ check: { name, summary, advice }, trials, failure, skipped, counts }: Tally): CheckResult {
  const detail = {
    trials,
    ...failure?.circumstances,
    ...(counts.size > 0 ? { counts: Object.fromEntries(counts) } : {}),
  };
  if (failure) {
    const outcome = advice ? 'warning' : 'failed';
    return { name, summary, outcome, passed: outcome !== 'failed', message: failure.message, detail };
  }
  if (trials > 0) return { name, summary, outcome: 'ok', passed: true, detail };
  const message = skipped ?? 'an earlier failure left nothing to check it on';
  return { name, summary, outcome: 'skipped', passed: true, message, detail };
}
