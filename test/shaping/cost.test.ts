import { expect, test } from 'vitest';
import type { DefendedTrace } from '../../src/shaping/account.js';
import { costOf, histogramOf } from '../../src/shaping/cost.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTrace, type Packet } from '../support/traces.js';

/** A defended trace as if by hand: packet i delivered at `delivered[i]`. */
function defendedBy(original: Packet[], sent: Packet[], delivered: number[], dropped = 0): DefendedTrace {
  const trace = makeTrace(sent);
  const account = { start: new Uint32Array(sent.length + 1), packet: new Uint32Array(0), bytes: new Uint32Array(0) };
  return { trace, original: makeTrace(original), account, delivered: Float64Array.from(delivered), dropped };
}

test('counts all bytes of both directions, cover after the last real packet too', () => {
  const original = [
    { time: 100, length: 400 },
    { time: 110, length: 600, out: false },
  ];
  const sent = [...original, { time: 130, length: 500, cover: 1 }];
  const cost = costOf(defendedBy(original, sent, [100, 110]), makeTrace(original));
  expect(cost).toEqual({
    bandwidthOverhead: 0.5,
    packetOverhead: 0.5,
    megabytesPerDay: (500 / 1e6) * 8640,
    gigabytesPerMonth: (4.32 * 30.44) / 1000,
    addedDelay: { p50: 0, p95: 0, p99: 0, max: 0 },
    delayHistogram: { from: 1e-4, binsPerDecade: 10, counts: [2] },
    dropped: 0,
    durationRatio: 3,
  });
});

test('gives percentiles of the delay by nearest rank, over real packets that were not lost', () => {
  const original = Array.from({ length: 102 }, (_, i) => ({ time: 1000, length: 60, cover: i === 100 ? 1 : 0 }));
  // Delays of 1 to 100 s in another order; the cover took 500 s, and the last packet was lost.
  const delivered = original.map((_, i) => (i === 100 ? 1500 : i === 101 ? Number.NaN : 1000 + ((i * 7) % 100) + 1));
  const { addedDelay, dropped } = costOf(defendedBy(original, original, delivered, 1), makeTrace(original));
  expect(addedDelay).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 });
  expect(dropped).toBe(1);
});

test('counts delays in ten bins to a decade, from a tenth of a millisecond on', () => {
  // Bin 1 begins at 0.1 ms; 1 ms, 10 ms and 1 s begin bins 11, 21 and 41; 10^0.1 = 1.2589.
  const delays = [0, 0.00009, 0.0001, 0.001, 0.01, 0.0125, 0.0126, 1, 1.25];
  const { from, binsPerDecade, counts } = histogramOf(Float64Array.from(delays))!;
  expect([from, binsPerDecade, counts.length]).toEqual([1e-4, 10, 42]);
  const filled = counts.flatMap((count, bin) => (count > 0 ? [[bin, count]] : []));
  expect(filled).toEqual([
    [0, 2],
    [1, 1],
    [11, 1],
    [21, 2],
    [22, 1],
    [41, 2],
  ]);
  expect(histogramOf(Float64Array.of(1e12))!.counts.findIndex((count) => count > 0)).toBe(90);
});

test('says null, not 0, where there is nothing to compare with', () => {
  const nothing = shapeAll(makeTrace([]), [], { rng: createRng(1) });
  expect(costOf(nothing, nothing.trace)).toEqual({
    bandwidthOverhead: null,
    packetOverhead: null,
    megabytesPerDay: null,
    gigabytesPerMonth: null,
    addedDelay: { p50: null, p95: null, p99: null, max: null },
    delayHistogram: null,
    dropped: 0,
    durationRatio: null,
  });
  const one = shapeAll(makeTrace([{ time: 5, length: 60 }]), [], { rng: createRng(1) });
  expect(costOf(one, one.trace)).toMatchObject({ bandwidthOverhead: 0, megabytesPerDay: null, durationRatio: null });
});
