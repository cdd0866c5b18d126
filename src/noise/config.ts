import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { checkConfig, openConfig } from '../shared/config-file.js';
import { InputError, UsageError } from '../shared/errors.js';
import { readText } from '../shared/files.js';
import { describeIssue, firstIssue } from '../shared/issues.js';
import { isNoisy, readNoisy } from './noisy-config.js';
import { DEFAULT_ROOTS } from './roots.js';
import { keysAt, type NoiseInput, noiseConfigSchema } from './schema.js';
import { rootOf } from './urls.js';

export type { NoiseInput };

type Checked = z.output<typeof noiseConfigSchema>;

/** A configuration with its defaults filled in and the files that it names read. */
export interface NoiseConfig extends Omit<Checked, 'roots' | 'deny'> {
  /** URLs with scheme http or https. */
  readonly roots: readonly string[];
  /** Domains, in lower case. */
  readonly deny: readonly string[];
  /** Seconds after which the run ends; null for no limit. */
  readonly duration: number | null;
  /** Differences from what noisy's config.json says, a line each; empty for a configuration of our own. */
  readonly warnings: readonly string[];
}

/**
 * Reads a configuration in YAML or JSON (comments allowed), or noisy's config.json as it is. Paths in it are relative to its folder.
 * @throws InputError, UsageError: one line, with file and line number
 */
export function readNoiseConfig(path: string): NoiseConfig {
  const config = openConfig(path, 'a configuration of noise in YAML or JSON');
  if (isNoisy(config.content)) {
    const { input, duration, warnings } = readNoisy(config, keysAt([]));
    return { ...resolveNoiseConfig(input), duration, warnings };
  }
  const checked = checkConfig(config, noiseConfigSchema, { keysAt });
  return finish(checked, dirname(path), config.where(['roots']));
}

/**
 * Checks a configuration given as an object. Paths in it are relative to `folder`.
 * @throws UsageError, InputError
 */
export function resolveNoiseConfig(given: NoiseInput = {}, folder = '.'): NoiseConfig {
  const parsed = noiseConfigSchema.safeParse(given);
  if (parsed.success) return finish(parsed.data, folder);
  throw new UsageError(`noise: ${describeIssue(firstIssue(parsed.error))}`);
}

/** @param where place of the roots (`file:line`) for an error about one that stands in the configuration itself */
function finish({ roots, deny, ...rest }: Checked, folder: string, where = 'noise'): NoiseConfig {
  const listed = roots === 'safe' ? DEFAULT_ROOTS : typeof roots === 'string' ? readLines(roots, folder) : roots;
  const denied = typeof deny === 'string' ? readLines(deny, folder) : deny;
  const beside = (path: string) => (path === '' || isAbsolute(path) ? path : join(folder, path));
  return {
    ...rest,
    roots: readRoots(listed, typeof roots === 'string' ? roots : `${where}: roots`),
    deny: denied.map(domainOfLine).filter((domain) => domain !== ''),
    state: beside(rest.state) || defaultState(),
    duration: null,
    warnings: [],
  };
}

function readLines(path: string, folder: string): string[] {
  return readText(isAbsolute(path) ? path : join(folder, path)).split(/\r?\n/);
}

/** Domain in a line of a deny list: alone, in a hosts file (`0.0.0.0 name`), or in an Adblock list (`||name^`). */
function domainOfLine(line: string): string {
  const words = line
    .replace(/[#!].*$/, '')
    .trim()
    .split(/\s+/);
  const name = /^[\d.:]+$/.test(words[0]!) && words.length > 1 ? words[1]! : words[0]!;
  return name
    .replace(/^\|\|/, '')
    .replace(/\^$/, '')
    .replace(/^\*?\./, '')
    .toLowerCase();
}

function readRoots(lines: readonly string[], where: string): string[] {
  const roots: string[] = [];
  for (const line of lines) {
    const text = line.replace(/\s#.*$|^#.*$/, '').trim();
    if (text === '') continue;
    const url = rootOf(text);
    if (url === null) throw new UsageError(`${where}: expected an http or https URL, found "${text}"`);
    roots.push(url);
  }
  if (roots.length === 0) throw new InputError(`${where}: expected URLs, found none`);
  return [...new Set(roots)];
}

/** Path that the XDG base directory specification gives for state. */
function defaultState(): string {
  const base = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(base, 'homeveil', 'noise.json');
}
