import { expect, test } from 'vitest';
import { z } from 'zod';
import { UsageError } from '../../src/shared/errors.js';
import { describeParameters, parseRequest, resolveParameters } from '../../src/shared/parameters.js';

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
  ['pad:size=1,size=2', '"pad:size=1,size=2": size is given twice'],
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
