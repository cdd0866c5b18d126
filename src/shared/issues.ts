import type { z } from 'zod';
import { lowerFirst, oneLine } from './errors.js';

export type Issue = z.core.$ZodIssue;

export interface IssueText {
  /** The place of the value, its path joined by dots unless given. */
  readonly place?: string;
  /** The value at that place, in a few words. */
  readonly found?: string;
  /** Leaves out `invalid input:`, which a text that shows the value does not need. */
  readonly brief?: boolean;
}

/** The first issue of data that does not fit a schema; in a union, the one of the branch that fitted furthest. */
export function firstIssue(error: z.core.$ZodError): Issue {
  return innermost(error.issues[0]!);
}

function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const deepest = issue.errors
    .flat()
    .map((one) => innermost({ ...one, path: [...issue.path, ...one.path] }))
    .sort((a, b) => b.path.length - a.path.length)[0];
  return deepest && deepest.path.length > issue.path.length ? deepest : issue;
}

/** The value that `path` leads to; undefined where it leads nowhere. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/** `seeds.1: too small: expected number to be >=1, found 0`, on one line; without a place where the whole is at fault. */
export function describeIssue(issue: Issue, { place = issue.path.join('.'), found, brief }: IssueText = {}): string {
  const line = oneLine(issue.message);
  const problem = lowerFirst(brief ? line.replace(/^Invalid (?:input|option): /, '') : line);
  return `${place && `${place}: `}${problem}${found === undefined ? '' : `, found ${found}`}`;
}
