import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/**
 * Ends a run with its counts in one line, then with what the skipped tests lack. A test that skips without a reason in its title
 * (see needs.ts) fails the run, unless a name pattern left it out.
 */
export default class Summary implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const lacking = new Map<string, number>();
    const unexplained: string[] = [];
    const retried: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') continue;
        counts[state]++;
        if (test.diagnostic()?.flaky) retried.push(`${module.relativeModuleId}: ${test.fullName}`);
        if (state !== 'skipped') continue;
        const lack = lackOf(test);
        if (lack === null) unexplained.push(`${module.relativeModuleId}: ${test.fullName}`);
        else lacking.set(lack, (lacking.get(lack) ?? 0) + 1);
      }
    }
    const log = (line: string) => this.#vitest?.logger.log(line);
    for (const [lack, count] of [...lacking].sort((a, b) => b[1] - a[1])) log(`   skipped ${count}: ${lack}`);
    for (const name of retried) log(`   passed at the second try: ${name}`);
    log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    if (this.#vitest?.config.testNamePattern !== undefined) return;
    for (const name of unexplained) log(`expected the reason for a skip in its title, found none: ${name}`);
    if (unexplained.length > 0) process.exitCode = 1;
  }
}

/** The reason that a test, or a group around it, gives for skipping; null where there is none. */
function lackOf(test: TestCase): string | null {
  const { note } = test.result() as { readonly note?: string };
  if (note) return note;
  for (let node: TestCase | TestSuite | TestModule = test; node.type !== 'module'; node = node.parent) {
    const reason = /\(skipped: (.*)\)$/.exec(node.name)?.[1];
    if (reason !== undefined) return reason;
  }
  return null;
}
