import type { z } from 'zod';
import { decodeText } from './decode.js';
import { suggestion, UsageError } from './errors.js';
import { describeIssue, firstIssue } from './issues.js';
import { type Found, readJson } from './json-text.js';
import { readBytes } from './text.js';
import { readYaml } from './yaml-text.js';

export interface ConfigFile {
  /** Names the content in error messages: 'a study in YAML'. */
  readonly expected: string;
  /** The keys that are known at a place, for suggestions. */
  keysAt(path: readonly PropertyKey[]): readonly string[];
}

/** The content of a configuration file, not yet checked. */
export interface ConfigText extends Found {
  readonly path: string;
  /** `file:line` of a value, or of one of its keys. */
  where(place: readonly PropertyKey[], key?: string): string;
}

/** Largest sizes in bytes. A hosts file in a configuration takes a few hundred kB; YAML of 1 MB takes seconds to read. */
const MOST = { yaml: 2e6, json: 16e6 } as const;

/** JSON begins with a brace or a bracket, comments aside. */
const JSON_START = /^\s*(?:(?:\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*[{[]/;

/**
 * Reads a YAML file, or a JSON file with or without comments.
 * @throws InputError if it cannot be read; UsageError with file and line if it is neither
 */
export function openConfig(path: string, expected: string): ConfigText {
  const text = decodeText(readBytes(path, { hint: `; expected ${expected}`, most: MOST.json }));
  if (typeof text !== 'string') {
    throw new UsageError(`${path}:${text.line}: expected ${expected}, found ${text.found}`);
  }
  const isJson = JSON_START.test(text) || /\.jsonc?$/i.test(path);
  if (!isJson && text.length > MOST.yaml) {
    throw new UsageError(`${path}: expected ${expected}, at most ${MOST.yaml / 1e6} MB, found ${text.length / 1e6} MB`);
  }
  const fail = (offset: number, message: string) => new UsageError(`${path}:${lineAt(text, offset)}: ${message}`);
  const found = isJson ? readJson(text, fail) : readYaml(text, fail);
  return { ...found, path, where: (place, key) => `${path}:${lineAt(text, found.offsetOf(place, key))}` };
}

/**
 * Reads a YAML or JSON file, and checks it against a schema.
 * @throws InputError if it cannot be read; UsageError with file and line if it does not fit
 */
export function readConfigFile<S extends z.ZodType>(path: string, schema: S, file: ConfigFile): z.output<S> {
  return checkConfig(openConfig(path, file.expected), schema, file);
}

/** @throws UsageError with file and line for a duplicate key, or a value that does not fit the schema */
export function checkConfig<S extends z.ZodType>(
  config: ConfigText,
  schema: S,
  { keysAt }: Pick<ConfigFile, 'keysAt'>,
): z.output<S> {
  const [twice] = config.repeated;
  if (twice) throw new UsageError(`${config.where(twice.place, twice.key)}: "${twice.key}" stands twice`);
  const parsed = schema.safeParse(config.content ?? {});
  if (parsed.success) return parsed.data;
  const issue = firstIssue(parsed.error);
  if (issue.code !== 'unrecognized_keys') throw new UsageError(`${config.where(issue.path)}: ${describeIssue(issue)}`);
  const known = keysAt(issue.path);
  const key = issue.keys[0]!;
  throw new UsageError(
    `${config.where(issue.path, key)}: unknown key "${key}"${suggestion(key, known)}; expected one of ${known.join(', ')}`,
  );
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
