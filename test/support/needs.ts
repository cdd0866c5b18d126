import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, type TestContext, test } from 'vitest';

/**
 * With HOMEVEIL_TEST_ALL=1, a test that would skip fails instead: `.ci/run` sets it where everything optional is installed, so that
 * no test is silently out of use.
 */
const mustRunAll = process.env.HOMEVEIL_TEST_ALL === '1';

/** Why a test cannot run here, null where it can. */
export type Lack = string | null;

const programs = new Map<string, boolean>();

/** Whether a program can be run. Asked once: tshark takes a quarter of a second to answer. */
export function hasProgram(name: string): boolean {
  if (!programs.has(name)) {
    programs.set(name, spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 20_000 }).error === undefined);
  }
  return programs.get(name)!;
}

/** The lack of a program that serves as an independent witness, or that the tested command starts. */
export function noProgram(name: string): Lack {
  return hasProgram(name) ? null : `no ${name}`;
}

/** The interpreter that Debian's packages install modules for; one of pyenv or the like may come before it on PATH. */
export const PYTHON = '/usr/bin/python3';

/** The lack of modules of the system's Python. As for any program, its folder must be on PATH. */
export function noPython(...modules: readonly string[]): Lack {
  const isOnPath = (process.env.PATH ?? '').split(delimiter).includes(dirname(PYTHON));
  const program = `import ${modules.join(', ')}`;
  if (isOnPath && spawnSync(PYTHON, ['-c', program], { stdio: 'ignore' }).status === 0) return null;
  return `no Python with ${modules.join(' and ')}`;
}

/** The lack of an optional npm package, which may not have been built here. */
export function noPackage(name: string): Lack {
  try {
    createRequire(import.meta.url)(name);
    return null;
  } catch {
    return `no npm package ${name}`;
  }
}

/** The path of a file or folder of `../shared`, which is not part of this repository. */
export function sharedPath(path: string): string {
  return fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
}

/** The lack of a file or folder of `../shared`: real captures (`data/...`), files that once failed (`cases/...`). */
export function noShared(path: string): Lack {
  return existsSync(sharedPath(path)) ? null : `no ../shared/${path}`;
}

type Body = (context: TestContext) => void | Promise<void>;

/** `describe` and `test` for what needs something that may not be there. */
export interface Needing {
  /** The first lack, null where nothing is lacking. */
  readonly lack: Lack;
  describe(title: string, body: () => void): void;
  test(title: string, body: Body, timeout?: number): void;
}

/**
 * Tests that run where nothing is lacking, and otherwise skip with the reason in their title (the summary counts skips by it), or
 * fail under HOMEVEIL_TEST_ALL=1: `needs(noProgram('tshark'), noShared('data/corpus')).test('...', () => ...)`.
 */
export function needs(...lacks: readonly Lack[]): Needing {
  const lack = lacks.find((one) => one !== null) ?? null;
  const fail = (title: string) =>
    test(title, () => {
      throw new Error(`HOMEVEIL_TEST_ALL=1 allows no skip, but: ${lack}`);
    });
  return {
    lack,
    describe(title, body) {
      if (lack === null) describe(title, body);
      else if (mustRunAll) fail(title);
      else describe.skip(`${title} (skipped: ${lack})`, body);
    },
    test(title, body, timeout) {
      if (lack === null) test(title, timeout === undefined ? {} : { timeout }, body);
      else if (mustRunAll) fail(title);
      else test.skip(`${title} (skipped: ${lack})`, body);
    },
  };
}
