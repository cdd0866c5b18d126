import { describe, expect, test } from 'vitest';
import { builtIns, prepareAll, resolveDefense } from '../../src/harness/plugins/registry.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { carriedBy, makeTrace, type Packet } from '../support/traces.js';

/** In openvpn, which pads nothing, so that a frame tells the bytes that were decided upon. */
async function through(given: string, packets: Trace | Packet[], seed = 1, capacity: number | null = null) {
  const defense = resolveDefense(`netshaper:tunnel=openvpn,${given}`);
  const applied = await prepareAll(defense, { trace: null, rng: createRng(1) }, builtIns);
  const trace = Array.isArray(packets) ? makeTrace(packets) : packets;
  return shapeAll(trace, applied, { rng: createRng(seed), capacity });
}

/** Ethernet, outer headers, header of the cell. */
const OVERHEAD = 14 + 52 + 4;

/** Bytes that each interval of one direction sent, the first interval first. */
function decisions({ time, length, direction, packets }: Trace, way: 0 | 1, interval: number, count: number) {
  const sent = new Float64Array(count);
  for (let i = 0; i < packets; i++) {
    const k = Math.round(time[i]! / interval) - 1;
    if (direction[i] === way && k < count) sent[k]! += length[i]! - OVERHEAD;
  }
  return sent;
}

describe('without noise', () => {
  const exact = 'sensitivityUp=0,sensitivityDown=0,intervalUp=1,intervalDown=2,windowDown=2';

  test('each interval ends with what waits, in full cells and a last one', async () => {
    const defended = await through(exact, [
      { time: 0, length: 14 + 100 },
      { time: 0.5, length: 14 + 2000, device: 1 },
      { time: 0.6, length: 14 + 40, out: false },
      { time: 1.5, length: 14 + 30 },
    ]);
    const { trace } = defended;
    expect([...trace.time]).toEqual([1, 1, 2, 2]);
    expect([...trace.direction]).toEqual([1, 1, 0, 1]);
    // 2100 bytes: 1440 - 4 in the first cell, 664 in the second.
    expect([...trace.length]).toEqual([14 + 52 + 1440, OVERHEAD + 664, OVERHEAD + 40, OVERHEAD + 30]);
    expect(carriedBy(defended, 0)).toEqual([
      [0, 114],
      [1, 14 + 1336],
    ]);
    expect(carriedBy(defended, 1)).toEqual([[1, 664]]);
    expect([...trace.device]).toEqual([1, 1, 0, 0]);
    expect([...defended.delivered]).toEqual([1, 1, 2, 2]);
  });

  test('dummy bytes fill up to the minimum, and what is above the maximum waits', async () => {
    const defended = await through(`${exact},maximumUp=4,minimumUp=0.5`, [
      { time: 0, length: 14 + 9000 },
      { time: 3.5, length: 14 + 20 },
    ]);
    expect([...decisions(defended.trace, 1, 1, 4)]).toEqual([4000, 4000, 1000, 500]);
    expect([...defended.delivered]).toEqual([3, 4]);
    // An interval's cells: 1436, 1436 and 1128 bytes of the packet.
    expect([0, 1, 2].map((frame) => carriedBy(defended, frame))).toEqual([[[0, 14 + 1436]], [[0, 1436]], [[0, 1128]]]);
  });

  test('a slow link delays what an interval sends at once', async () => {
    const packets = [{ time: 0, length: 14 + 2000 }];
    const { delivered } = await through(exact, packets, 1, 80_000);
    // Two frames, of 1506 and 2000 - 1436 + 70 bytes, at 10 kB/s.
    expect(delivered[0]).toBeCloseTo(1 + 0.1506 + 0.0634, 9);
  });
});

describe('the noise', () => {
  const idle: Packet[] = [
    { time: 0, length: 60 },
    { time: 2000.05, length: 60 },
  ];
  const COUNT = 20_000;

  // The multipliers of scipy in test/shaping/kit/privacy.test.ts: 5.34998 for one decision, times the root of their number.
  test.each([
    ['up', 1, 'intervalUp=0.1,windowUp=1', 5.34998 * Math.sqrt(10) * 200],
    ['down', 0, 'intervalDown=0.1,windowDown=0.1', 5.34998 * 200],
  ] as const)('%s is normal, of the deviation of the Gaussian mechanism', async (_, way, given, deviation) => {
    const { trace } = await through(
      `sensitivityUp=200,sensitivityDown=200,maximumUp=1000,maximumDown=1000,${given}`,
      idle,
    );
    // Nothing waits, so a decision is the noise where that is positive, and else none.
    const sent = decisions(trace, way, 0.1, COUNT).subarray(1);
    const share = (bound: number) => sent.filter((bytes) => bytes > bound * deviation).length / sent.length;
    const square = sent.reduce((sum, bytes) => sum + bytes * bytes, 0) / sent.length;
    expect(Math.abs(Math.sqrt(2 * square) / deviation - 1)).toBeLessThan(0.03);
    // The upper tail of the normal distribution; four standard errors.
    const tail: [number, number][] = [
      [0, 0.5],
      [1, 0.1587],
      [2, 0.02275],
    ];
    for (const [bound, expected] of tail) {
      const error = Math.sqrt((expected * (1 - expected)) / COUNT);
      expect(Math.abs(share(bound) - expected)).toBeLessThan(4 * error);
    }
  });

  test('is the same for the same seed, and other for another', async () => {
    const sent = async (seed: number) => [
      ...(await through('intervalUp=1', idle.slice(0, 1).concat({ time: 50, length: 60 }), seed)).trace.length,
    ];
    expect(await sent(1)).toEqual(await sent(1));
    expect(await sent(1)).not.toEqual(await sent(2));
  });

  // epsilon 1 and delta 0.05, which are loose enough to be seen to be broken: the deviation is 2.63733 times the sensitivity.
  describe('hides the sensitivity, and no more', () => {
    const TRIALS = 20_000;
    const DELTA = 0.05;
    const QUEUE = 14_000;

    /** Collects decisions made while `bytes` wait, again and again: the last of ten intervals leaves nothing waiting. */
    async function trials(bytes: number) {
      const packets = Array.from({ length: TRIALS + 1 }, (_, i) => ({ time: 10 * i, length: 14 + bytes, out: false }));
      const given = `epsilon=1,delta=${DELTA},sensitivityDown=1000,sensitivityUp=0,windowDown=1,maximumDown=1000`;
      const { trace } = await through(`${given},intervalUp=10,windowUp=10`, packets);
      // A decision at the moment of a packet's arrival comes before it.
      return decisions(trace, 0, 1, 10 * TRIALS)
        .filter((_, k) => k % 10 === 0)
        .sort();
    }

    /** The largest P(more than t | other) - e P(more than t | one) of any t, which epsilon and delta bound. */
    function excess(one: Float64Array, other: Float64Array) {
      let most = 0;
      let below = 0;
      for (const [i, bound] of other.entries()) {
        while (below < one.length && one[below]! <= bound) below++;
        most = Math.max(most, 1 - (i + 1) / other.length - Math.E * (1 - below / one.length));
      }
      return most;
    }

    // Exact values (Balle and Wang, ICML 2018, theorem 8): Phi(D/2s - s/D) - e Phi(-D/2s - s/D), by scipy.
    test.each([
      [1000, 0.0008, true],
      [3000, 0.17746, false],
      [4000, 0.32702, false],
    ])(
      'two streams that differ by %i bytes are told apart as well as noise of that deviation allows: %d',
      async (difference, expected, isWithin) => {
        const found = excess(await trials(QUEUE), await trials(QUEUE + difference));
        // Four standard errors of a difference of shares, and the choice of the best of many bounds.
        expect(Math.abs(found - expected)).toBeLessThan(0.015);
        expect(found <= DELTA).toBe(isWithin);
      },
    );
  });
});

test.each([
  ['windowDown=0.5', 'defense netshaper: windowDown: expected at least intervalDown, which is 1, found 0.5'],
  ['minimumUp=200', 'defense netshaper: minimumUp: expected at most maximumUp, which is 100, found 200'],
  ['cell=255', 'defense netshaper: cell: expected 0 or at least 256, found 255'],
])('refuses %s', (given, message) => {
  expect(() => resolveDefense(`netshaper:${given}`)).toThrow(message);
});
