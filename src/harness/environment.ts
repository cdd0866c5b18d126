import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../result/result.js';

/** The folder that holds package.json: the files here run from dist/src/harness. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

/** Describes the program that made a result. `commit` is null for an installed package, and ends in '+' if files were changed since. */
export function describeTool(): Result['tool'] {
  return { name: 'homeveil', version, commit: existsSync(join(root, '.git')) ? gitCommit() : null };
}

function gitCommit(): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return null;
  }
}

export function describeEnvironment(): Result['environment'] {
  return {
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() || process.arch,
    cores: availableParallelism(),
    os: `${type()} ${release()}`,
  };
}
