import { expect, test } from 'vitest';
import { countEndpoints, weighByEndpoints } from '../../src/learning/endpoints.js';
import type { Windows } from '../../src/learning/windows.js';
import { makeOrderedWindows } from '../support/make-windows.js';

/** Windows of one packet each, to the given addresses. */
function windowsTo(addresses: readonly string[]): Windows {
  const windows = makeOrderedWindows(1, addresses.length, 1);
  return { ...windows, remote: { of: Uint32Array.from(addresses.keys()), addresses } };
}

test('an address weighs as its windows in training, and behind them those of its networks', () => {
  const train = windowsTo(['192.0.2.1', '192.0.2.1', '192.0.2.200', '198.51.100.1']);
  const endpoints = countEndpoints(train, Uint16Array.of(0, 0, 1, 1), 1);
  // One window more of each class: 3 of 6, and 3 of 6.
  expect([...endpoints.prior]).toEqual([0.5, 0.5]);
  const asked = windowsTo(['192.0.2.1', '192.0.3.9', '203.0.113.1', '']);
  const even = new Float32Array(8).fill(0.5);
  const weighed = weighByEndpoints(even, asked, endpoints);
  // /16: (2 + .5) / (3 + 1) = .625; /24: (2 + .625) / 4 = .65625; the address: (2 + .65625) / 3.
  expect(weighed[0]).toBeCloseTo(2.65625 / 3, 5);
  // Only its /16 was met.
  expect(weighed[2]).toBeCloseTo(0.625, 5);
  // Nothing is known of a stranger, nor of what stays in the home: the behaviour alone decides.
  expect([...weighed.subarray(4)]).toEqual([0.5, 0.5, 0.5, 0.5]);
});

test('a name that was met, or one of its domain, weighs in place of the address', () => {
  const name = (windows: Windows, names: readonly string[]): Windows => ({
    ...windows,
    remote: { ...windows.remote!, names },
  });
  const [a, b] = ['192.0.2.1', '203.0.113.1'];
  const train = name(windowsTo([a, a, a, b]), ['api.one.example', '', '', 'two.example']);
  const endpoints = countEndpoints(train, Uint16Array.of(0, 1, 1, 1), 1);
  const names = ['api.one.example', 'new.one.example', 'new.three.example', ''];
  const weighed = weighByEndpoints(new Float32Array(8).fill(0.5), name(windowsTo([b, b, b, b]), names), endpoints);
  // The prior, with one window more of each class: 2 of 6 and 4 of 6.
  const odds = (p: number) => p / (1 / 3) / (p / (1 / 3) + (1 - p) / (2 / 3));
  // The domain: (1 + 1/3) / 2; the name: (1 + 2/3) / 2.
  expect(weighed[0]).toBeCloseTo(odds(5 / 6), 5);
  expect(weighed[2]).toBeCloseTo(odds(2 / 3), 5);
  // The address: /16 (0 + 1/3) / 2, /24 half of that, the address half again.
  expect(weighed[4]).toBeCloseTo(odds(1 / 24), 5);
  expect(weighed[6]).toBeCloseTo(odds(1 / 24), 5);
});

test('behaviour decides between those who share an address', () => {
  const train = windowsTo(['2001:db8::1', '2001:db8::1']);
  const endpoints = countEndpoints(train, Uint16Array.of(0, 1), 0.1);
  const weighed = weighByEndpoints(Float32Array.of(0.9, 0.1), windowsTo(['2001:db8::1']), endpoints);
  expect(weighed[0]).toBeCloseTo(0.901 / 1.002, 4);
});
