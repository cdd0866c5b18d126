import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeParameters, resolveParameters } from '../../src/shared/parameters.js';
import { atLeast, atMost, bytes, choice, integer, number, rate, seconds, share } from '../../src/shared/units.js';

test('each unit gives type, bounds, default and a description that begins with it', () => {
  const schema = z.object({
    hold: seconds([0, 10], 0.1, 'between frames'),
    size: bytes([64, 1514], 1500, 'of every frame'),
    up: rate('kB/s', [4, 1000], 10, 'to the Internet'),
    there: share(0.5, 'of the time', [0.01, 1]),
    odds: share(0.2, 'of packets'),
    users: integer([0, 8], 1, 'browsers'),
    factor: number([1, 2], 1.5, 'of each rate'),
    rule: choice(['mtu', 'linear'], 'how'),
  });
  expect(describeParameters(schema).map(({ description, ...rest }) => [...Object.values(rest), description])).toEqual([
    ['hold', 'number', 0.1, '>= 0, <= 10', 'seconds between frames'],
    ['size', 'integer', 1500, '>= 64, <= 1514', 'bytes of every frame'],
    ['up', 'number', 10, '>= 4, <= 1000', 'kB/s to the Internet'],
    ['there', 'number', 0.5, '>= 0.01, <= 1', 'share of the time'],
    ['odds', 'number', 0.2, '>= 0, <= 1', 'share of packets'],
    ['users', 'integer', 1, '>= 0, <= 8', 'browsers'],
    ['factor', 'number', 1.5, '>= 1, <= 2', 'of each rate'],
    ['rule', 'mtu|linear', 'mtu', '', 'how'],
  ]);
});

test('two parameters are compared, where the comparison applies', () => {
  const bounds = { low: number([0, 9], 1, 'least'), high: number([0, 9], 5, 'most'), on: z.boolean().default(true) };
  const most = z.object(bounds).check(atMost('low', 'high', ({ on }) => on === true));
  const least = z.object(bounds).check(atLeast('high', 'low'));
  expect(resolveParameters(most, { low: 5 }, 'defense x')).toEqual({ low: 5, high: 5, on: true });
  expect(resolveParameters(most, { low: 6, on: false }, 'defense x')).toMatchObject({ low: 6 });
  expect(() => resolveParameters(most, { low: 6 }, 'defense x')).toThrow(
    /^defense x: low: expected at most high, which is 5, found 6$/,
  );
  expect(() => resolveParameters(least, { low: 6 }, 'defense x')).toThrow(
    /^defense x: high: expected at least low, which is 6, found 5$/,
  );
});
