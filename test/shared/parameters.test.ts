import { expect, test } from 'vitest';
import { z } from 'zod';
import { resolveDefense } from '../../src/harness/plugins/registry.js';
import { UsageError } from '../../src/shared/errors.js';
import {
  describeParameters,
  formatRequest,
  parseRequest,
  resolveParameters,
  unwritableParameters,
} from '../../src/shared/parameters.js';

const schema = z.object({
  rule: z.enum(['mtu', 'linear']).default('mtu').describe('which rule'),
  size: z.number().int().min(1).max(1500).default(1500).describe('bytes'),
  scale: z.number().positive().default(0.5).describe('seconds'),
  strict: z.boolean().default(false).describe('whether'),
});
const resolve = (text: string) => resolveParameters(schema, parseRequest(text).given, 'defense pad');

test('defaults fill what is not given, and text becomes the type asked for', () => {
  expect(resolve('pad')).toEqual({ rule: 'mtu', size: 1500, scale: 0.5, strict: false });
  expect(resolve('pad:rule=linear, size=64,strict=true')).toEqual({
    rule: 'linear',
    size: 64,
    scale: 0.5,
    strict: true,
  });
  expect(resolve('pad:scale=1e-3').scale).toBe(0.001);
});

test.each([
  [
    'pad:szie=3',
    'defense pad: unknown parameter "szie" (did you mean "size"?); expected one of rule, size, scale, strict',
  ],
  ['pad:size=big', 'defense pad: size: expected a number, found "big"'],
  ['pad:size=', 'defense pad: size: expected a number, found ""'],
  ['pad:size=0', 'defense pad: size: too small: expected number to be >=1, found 0'],
  ['pad:size=1.5', 'defense pad: size: invalid input: expected int, received number, found 1.5'],
  ['pad:strict=False', 'defense pad: strict: expected true or false, found "False"'],
  ['pad:rule=none', 'defense pad: rule: invalid option: expected one of "mtu"|"linear", found "none"'],
  ['pad:size', '"pad:size": expected key=value after the colon, found "size"'],
  ['pad:size=1,size=2', 'defense pad: size: is given twice'],
  [':size=1', '":size=1": expected name or name:key=value,key=value'],
])('%s is refused in one line', (text, message) => {
  expect(() => resolve(text)).toThrow(new UsageError(message));
});

test('the documentation is read off the schema', () => {
  expect(describeParameters(schema)).toEqual([
    { name: 'rule', type: 'mtu|linear', default: 'mtu', range: '', description: 'which rule' },
    { name: 'size', type: 'integer', default: 1500, range: '>= 1, <= 1500', description: 'bytes' },
    { name: 'scale', type: 'number', default: 0.5, range: '> 0', description: 'seconds' },
    { name: 'strict', type: 'boolean', default: false, range: '', description: 'whether' },
  ]);
});

const lists = z.object({
  sizes: z.array(z.number().min(1)).min(1).default([1500]).describe('bytes'),
  kinds: z
    .array(z.enum(['pad', 'mtu']))
    .default([])
    .describe('which'),
  limit: z
    .union([z.number(), z.literal('none'), z.null(), z.boolean()])
    .default('none')
    .describe('bytes'),
});
const resolveList = (text: string) => resolveParameters(lists, parseRequest(text).given, 'defense own');

test('lists of numbers are joined by a plus, other lists repeat their key, and unions take what fits', () => {
  expect(resolveList('own:sizes=256+1500').sizes).toEqual([256, 1500]);
  expect(resolveList('own:sizes=256').sizes).toEqual([256]);
  expect(resolveList('own:sizes=1e+3+2.5+1E+2').sizes).toEqual([1000, 2.5, 100]);
  expect(resolveList('own:sizes=1,kinds=pad,sizes=2+3,kinds=mtu')).toMatchObject({
    sizes: [1, 2, 3],
    kinds: ['pad', 'mtu'],
  });
  expect(['7', 'none', 'null', 'true'].map((text) => resolveList(`own:limit=${text}`).limit)).toEqual([
    7,
    'none',
    null,
    true,
  ]);
});

test('a plus between parts of a composition is no list', () => {
  expect(resolveDefense('pad:size=1400+jitter:delay=1e+0').parts.map(({ name }) => name)).toEqual(['pad', 'jitter']);
});

test('what is written is read back', () => {
  for (const given of [{ sizes: [256, 1500], kinds: ['pad', 'mtu'] }, { sizes: [1e21] }, { limit: null }]) {
    expect(resolveList(formatRequest('own', given))).toMatchObject(given);
  }
});

test.each([
  ['own:sizes=256+', 'defense own: sizes: expected a number, found ""'],
  ['own:sizes=256+x', 'defense own: sizes: expected a number, found "x"'],
  ['own:sizes=0', 'defense own: sizes.0: too small: expected number to be >=1, found 0'],
  ['own:limit=some', 'defense own: limit: invalid input, found "some"'],
])('%s is refused in one line', (text, message) => {
  expect(() => resolveList(text)).toThrow(UsageError);
  expect(() => resolveList(text)).toThrow(message);
});

test('parameters that no text can give are told from those that one can', () => {
  expect(unwritableParameters(schema)).toEqual([]);
  expect(unwritableParameters(lists)).toEqual([]);
  const others = z.object({
    map: z.record(z.string(), z.number()).default({}),
    nested: z.object({ x: z.number() }).default({ x: 1 }),
    either: z.union([z.number(), z.object({ x: z.number() })]).default(1),
    table: z.array(z.array(z.number())).default([]),
    pair: z.tuple([z.number(), z.string()]).default([1, 'a']),
    date: z.date().default(new Date(0)),
    any: z.any().default(1),
    fine: z.string().default(''),
  });
  expect(unwritableParameters(others)).toEqual(['map', 'nested', 'either', 'table', 'pair', 'date', 'any']);
  expect(() => describeParameters(others)).not.toThrow();
});
