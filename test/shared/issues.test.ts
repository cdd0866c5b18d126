import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeIssue, firstIssue, valueAt } from '../../src/shared/issues.js';

const issueOf = (schema: z.ZodType, value: unknown) => firstIssue(schema.safeParse(value).error!);

test('an issue is its place and its problem, in one line', () => {
  const issue = issueOf(z.object({ seeds: z.array(z.number().min(1)) }), { seeds: [1, 0] });
  expect(describeIssue(issue)).toBe('seeds.1: too small: expected number to be >=1');
  expect(describeIssue(issue, { place: 'seeds[1]', found: '0' })).toBe(
    'seeds[1]: too small: expected number to be >=1, found 0',
  );
});

test('a brief one leaves out that the input is invalid', () => {
  const issue = issueOf(z.number(), 'x');
  expect(describeIssue(issue)).toBe('invalid input: expected number, received string');
  expect(describeIssue(issue, { brief: true })).toBe('expected number, received string');
});

test('of a union, the branch that fits furthest is told', () => {
  const either = z.union([z.string(), z.object({ at: z.object({ port: z.number() }) })]);
  const issue = issueOf(either, { at: { port: 'x' } });
  expect(describeIssue(issue, { brief: true })).toBe('at.port: expected number, received string');
  expect(describeIssue(issueOf(either, 1))).toBe('invalid input');
});

test('the value at a place may be missing', () => {
  expect(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1);
  expect(valueAt({ a: null }, ['a', 0, 'b'])).toBeUndefined();
});
