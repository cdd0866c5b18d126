import { z } from 'zod';
import { anyOf, suggestion, UsageError } from '../shared/errors.js';
import { describeIssue as describe, firstIssue } from '../shared/issues.js';

/** A whole number from `low` to `high`, both included. */
export function whole(low: number, high: number = Number.MAX_SAFE_INTEGER) {
  const bound = high === Number.MAX_SAFE_INTEGER ? `at least ${low}` : `from ${low} to ${high}`;
  const text = `expected a whole number, ${bound}`;
  return z.int(text).min(low, text).max(high, text);
}

/** A finite number greater than 0. */
export function positive() {
  const text = 'expected a number greater than 0';
  return z.number(text).positive(text);
}

/** One of several words. */
export function oneOf<const T extends readonly string[]>(choices: T) {
  return z.enum(choices, `expected ${anyOf(choices)}`);
}

/**
 * Parses a value that a user gave.
 * @param where begins the error message: `--window`, or what gives it for a path within the value
 * @throws UsageError in one line: `--window: expected a whole number, from 2 to 65535, found 1`
 */
export function checked<S extends z.ZodType>(
  schema: S,
  value: unknown,
  where: string | ((path: readonly PropertyKey[]) => string),
): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = firstIssue(parsed.error);
  const place = typeof where === 'string' ? where : where(issue.path);
  const text = describeIssue(issue, issue.input);
  throw new UsageError(text.startsWith(place) ? text : `${place}: ${text}`);
}

/** Describes on one line what was expected and, where the issue says so, the value found: 'expected drop or keep, found "no"'. */
export function describeIssue(issue: z.core.$ZodIssue, found: unknown): string {
  const text = describe(issue, { place: '', brief: true });
  if (issue.code === 'custom' && !text.startsWith('expected')) return text;
  const near =
    issue.code === 'invalid_value' && typeof found === 'string' ? suggestion(found, issue.values.map(String)) : '';
  return `${text}, found ${shown(found)}${near}`;
}

/** Shows a value in at most 60 characters of JSON. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
