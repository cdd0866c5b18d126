import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import split from '../../defenses/split.js';
import { costOf } from '../../src/shaping/cost.js';
import { shape } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { Protocol } from '../../src/trace/trace.js';
import { carriedBy, makeTrace, type Packet } from '../support/traces.js';

const { IP, UDP, OTHER } = Protocol;

function cut(given: Record<string, unknown>, packets: Packet[], seed = 1) {
  const parameters = resolveParameters(split.parameters, given, 'defense split');
  return shape(makeTrace(packets), split, parameters, { rng: createRng(seed) });
}

/** The lengths of the frames that one packet becomes. */
const frames = (given: Record<string, unknown>, packet: Partial<Packet> & { length: number }, seed = 1) => [
  ...cut(given, [{ time: 1, ...packet }], seed).trace.length,
];

const seeds = Array.from({ length: 4000 }, (_, i) => i);

describe('by hand', () => {
  test('frames up to the limit, and what is no IP, stay whole', () => {
    expect(frames({ over: 500 }, { length: 500 })).toEqual([500]);
    expect(frames({}, { length: 1500, protocols: OTHER })).toEqual([1500]);
  });

  // 54 bytes of headers and 20 of payload: of the lengths 10 to 20 for the first part only 10 leaves enough for a second.
  test('a segment that can be cut in one place is cut there one time in eleven', () => {
    const results = seeds.map((seed) => frames({ over: 64, least: 64 }, { length: 74 }, seed).join());
    expect(new Set(results)).toEqual(new Set(['74', '64,64']));
    const halved = results.filter((lengths) => lengths === '64,64').length;
    // Five standard deviations of a share of 1/11.
    expect(Math.abs(halved / seeds.length - 1 / 11)).toBeLessThan(5 * Math.sqrt(10 / 121 / seeds.length));
  });

  test('a segment that cannot be cut in two of the least length stays whole', () => {
    expect(
      new Set(seeds.slice(0, 100).map((seed) => frames({ over: 64, least: 64 }, { length: 73 }, seed).join())),
    ).toEqual(new Set(['73']));
  });

  test.each([
    ['TCP', IP | Protocol.TCP, 14 + 20 + 20],
    ['UDP, as IP fragments', IP | UDP, 14 + 20],
  ])('each part after the first has headers of its own: %s', (_, protocols, headers) => {
    const defended = cut({}, [{ time: 1, length: 1514, protocols }], 3);
    const { packets, length } = defended.trace;
    expect(packets).toBeGreaterThan(1);
    for (let i = 0; i < packets; i++)
      expect(carriedBy(defended, i)).toEqual([[0, length[i]! - (i === 0 ? 0 : headers)]]);
    const { bandwidthOverhead, packetOverhead, addedDelay } = costOf(defended, defended.original);
    expect(bandwidthOverhead).toBeCloseTo(((packets - 1) * headers) / 1514, 12);
    expect([packetOverhead, addedDelay.max]).toEqual([packets - 1, 0]);
  });
});

test('the first part is uniform up to all that is left', () => {
  const least = 100;
  // 1460 bytes of payload, parts of 46 at least: 46 to 1414, or all of it where less than 46 would be left.
  const first = seeds.map((seed) => frames({ least }, { length: 1514 }, seed)[0]! - 54);
  const whole = first.filter((bytes) => bytes === 1460).length;
  const expected = (1460 - 1414) / (1460 - 46 + 1);
  expect(Math.abs(whole / seeds.length - expected)).toBeLessThan(5 * Math.sqrt(expected / seeds.length));
  const others = first.filter((bytes) => bytes < 1460);
  expect(Math.min(...others)).toBeGreaterThanOrEqual(46);
  expect(Math.max(...others)).toBeLessThanOrEqual(1414);
  // Chi-square over ten classes of equal width; 27.9 is its 99.9th percentile with nine degrees of freedom.
  const classes = new Array<number>(10).fill(0);
  for (const bytes of others) classes[Math.floor(((bytes - 46) / (1414 - 46 + 1)) * 10)]!++;
  const mean = others.length / 10;
  expect(classes.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0)).toBeLessThan(27.9);
});

test('no part is shorter than the least, unless the packet was, and all bytes arrive in order', () => {
  const lengths = fc.array(fc.integer({ min: 60, max: 65_549 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 64, max: 2000 }),
      fc.integer({ min: 64, max: 2000 }),
      fc.nat(),
      (sent, over, least, seed) => {
        const defended = cut(
          { over, least },
          sent.map((length, time) => ({ time, length })),
          seed,
        );
        const carried = sent.map(() => 0);
        for (let i = 0; i < defended.trace.packets; i++) {
          const [[packet, bytes] = [0, 0]] = carriedBy(defended, i);
          carried[packet]! += bytes;
          expect(defended.trace.time[i]).toBe(packet);
          expect(defended.trace.length[i]).toBeGreaterThanOrEqual(Math.min(least, sent[packet]!));
          expect(defended.trace.length[i]).toBeLessThanOrEqual(sent[packet]!);
        }
        expect(carried).toEqual(sent);
      },
    ),
    { numRuns: 50 },
  );
});
