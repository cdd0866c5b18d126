import type { z } from 'zod';
import { InputError, lowerFirst, oneLine } from '../shared/errors.js';
import { firstIssue } from '../shared/issues.js';
import { describeIssue, shown } from './check.js';
import { type Result, resultSchema, type StudyResult, studyResultSchema } from './result.js';
import { resolvedSpec } from './spec.js';

/**
 * Reads a result file.
 * @param path of the file, for the error message
 * @throws InputError where it is not JSON, is of another schema version, or lacks what a report needs: one line with the
 * place in the file, what was expected there and what was found
 */
export function parseResult(text: string, path: string): Result {
  return checkResult(readObject(text, path), path);
}

/**
 * Reads the result of a run or of a study.
 * @throws InputError as {@link parseResult}
 */
export function parseAnyResult(text: string, path: string): Result | StudyResult {
  const value = readObject(text, path);
  if ((value as { kind?: unknown }).kind !== 'study') return checkResult(value, path);
  check(studyResultSchema, value, path);
  const study = value as StudyResult;
  return { ...study, runs: study.runs.map(withOlderDefaults) };
}

function readObject(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path}: expected JSON: ${lowerFirst(oneLine((cause as Error).message))}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${path}: expected a result object, found ${shown(value)}`);
  }
  checkVersion((value as { schemaVersion?: unknown }).schemaVersion, path);
  return value;
}

function checkResult(value: object, path: string): Result {
  check(resultSchema, value, path);
  return withOlderDefaults(value as Result);
}

/** Checks the value as it is: what zod gives back has its keys in another order, and lacks a device called `__proto__`. */
function check(schema: z.ZodType, value: object, path: string): void {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return;
  const issue = firstIssue(parsed.error);
  const place = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new InputError(`${path}: ${place.slice(1)}: ${describeIssue(issue, issue.input)}`);
}

/** Fills in the keys of the spec that older results lack. */
function withOlderDefaults(result: Result): Result {
  const defaults = Object.entries(resolvedSpec.shape).flatMap(([key, type]: [string, z.ZodType]) => {
    const older = type.safeParse(undefined);
    return older.success && older.data !== undefined ? [[key, older.data]] : [];
  });
  return { ...result, spec: { ...Object.fromEntries(defaults), ...result.spec } };
}

/** @throws InputError unless `version` is one that this code can read */
export function checkVersion(version: unknown, path: string): void {
  if (version !== 1) throw new InputError(`${path}: schemaVersion: expected 1, found ${shown(version)}`);
}
