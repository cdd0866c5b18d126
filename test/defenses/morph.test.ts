import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import morph from '../../defenses/morph.js';
import { type AppliedDefense, prepareDefense } from '../../src/shaping/shaper.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { Protocol, type Trace } from '../../src/trace/trace.js';
import { carriedBy, makeTrace, type Packet } from '../support/traces.js';

const LAMP = 0;
const PLUG = 1;

/** Packets of one device, one a second, with these lengths in turn. */
const packets = (device: number, lengths: readonly number[], rest: Partial<Packet> = {}): Packet[] =>
  lengths.map((length, time) => ({ time, length, device, flow: device, ...rest }));

function learned(given: Record<string, unknown>, training: Trace | null): Promise<AppliedDefense> {
  const parameters = resolveParameters(morph.parameters, given, 'defense morph');
  return prepareDefense(morph, parameters, { trace: training, rng: createRng(1) });
}

const run = (applied: AppliedDefense, trace: Trace, seed = 1) => shapeAll(trace, [applied], { rng: createRng(seed) });

async function morphed(given: Record<string, unknown>, training: Packet[], sent: Packet[], seed = 1) {
  return run(await learned(given, makeTrace(training)), makeTrace(sent), seed);
}

/** Sum over lengths of (found - expected)^2 / expected; none may be found that is not expected. */
function chiSquare(found: Iterable<number>, shares: Readonly<Record<number, number>>): number {
  const counts = new Map<number, number>();
  let all = 0;
  for (const length of found) {
    counts.set(length, (counts.get(length) ?? 0) + 1);
    all++;
  }
  expect([...counts.keys()].filter((length) => shares[length] === undefined)).toEqual([]);
  return Object.entries(shares).reduce((sum, [length, share]) => {
    const expected = share * all;
    return sum + ((counts.get(Number(length)) ?? 0) - expected) ** 2 / expected;
  }, 0);
}

const repeat = <T>(times: number, values: readonly T[]): T[] => Array.from({ length: times }, () => values).flat();
/** The 99.9th percentile of chi-square with two degrees of freedom. */
const LIMIT = 13.8;
const shares = { 100: 0.5, 300: 0.3, 1000: 0.2 };
const lamp = [
  ...packets(LAMP, repeat(10, [100, 100, 100, 100, 100, 300, 300, 300, 1000, 1000])),
  ...packets(LAMP, [80, 90], { out: false }),
];
/** Traffic with every possible length, and none that the target has. */
const various = Array.from({ length: 3000 }, (_, i) => 60 + ((i * 7919) % 1455)).filter(
  (one) => ![100, 300, 1000].includes(one),
);

describe('the lengths of all frames follow the target', () => {
  test.each([{ mapping: 'direct' }, { mapping: 'quantile' }])(
    '%j, of a device whose packets are padded and cut',
    async (given) => {
      const training = [...lamp, ...packets(PLUG, various)];
      const { trace } = await morphed({ device: 'lamp', parts: 64, ...given }, training, packets(PLUG, various), 5);
      expect(trace.packets).toBeGreaterThan(2 * various.length);
      expect(chiSquare(trace.length, shares)).toBeLessThan(LIMIT);
    },
  );

  test('quantile, of packets of one length alone', async () => {
    const training = [...lamp, ...packets(PLUG, [60])];
    const { trace } = await morphed(
      { device: 'lamp', mapping: 'quantile' },
      training,
      packets(PLUG, repeat(3000, [60])),
    );
    expect(trace.packets).toBe(3000);
    expect(chiSquare(trace.length, shares)).toBeLessThan(LIMIT);
  });

  test('each direction follows its own', async () => {
    const sent = packets(PLUG, repeat(2000, [60, 61])).map((packet, i) => ({ ...packet, out: i % 2 === 0 }));
    const { trace } = await morphed({ device: 'lamp' }, lamp, sent);
    const of = (direction: number) => trace.length.filter((_, i) => trace.direction[i] === direction);
    expect(chiSquare(of(1), shares)).toBeLessThan(LIMIT);
    // 10.8 for one degree of freedom.
    expect(chiSquare(of(0), { 80: 0.5, 90: 0.5 })).toBeLessThan(10.8);
  });
});

describe('by hand', () => {
  test('quantile maps rank to rank', async () => {
    const training = [...packets(LAMP, [400, 100, 200, 300, 300]), ...packets(PLUG, [63, 61, 62, 60])];
    const sent = packets(PLUG, [60, 61, 62, 63]);
    // Four ranks to five: 60 has the first 1.25 of 100, 200, 300, 300, 400; 61 up to 2.5; 62 up to 3.75; 63 the others.
    const allowed = [[100, 200], [200, 300], [300], [300, 400]];
    for (let seed = 0; seed < 40; seed++) {
      const { trace } = await morphed({ device: 'lamp', mapping: 'quantile' }, training, sent, seed);
      for (const [i, lengths] of allowed.entries()) expect(lengths).toContain(trace.length[i]);
    }
  });

  test('a longer packet is cut, and each further part has headers of 54 bytes', async () => {
    const defended = await morphed({ device: 'lamp' }, packets(LAMP, repeat(9, [200])), packets(PLUG, [500, 200, 150]));
    // 200 bytes, then 146 and 146, and 8 are left.
    expect([...defended.trace.length]).toEqual([200, 200, 200, 200, 200, 200]);
    expect([0, 1, 2, 3, 4, 5].map((frame) => carriedBy(defended, frame)[0])).toEqual([
      [0, 200],
      [0, 146],
      [0, 146],
      [0, 8],
      [1, 200],
      [2, 150],
    ]);
  });

  test('the last of the parts takes all that is left; one part leaves a longer packet whole', async () => {
    const lengths = async (parts: number) => {
      const { trace } = await morphed(
        { device: 'lamp', parts },
        packets(LAMP, repeat(9, [100])),
        packets(PLUG, [1000, 60]),
      );
      return [...trace.length];
    };
    expect(await lengths(2)).toEqual([100, 900 + 54, 100]);
    expect(await lengths(1)).toEqual([1000, 100]);
  });

  test('a part carries one byte, however short its frame', async () => {
    const defended = await morphed({ device: 'lamp' }, packets(LAMP, repeat(9, [54])), packets(PLUG, [57]));
    expect([...defended.trace.length]).toEqual([54, 54, 54, 54]);
    expect(defended.dropped).toBe(0);
  });

  test('segments that the capturing host merged are learned as full frames', async () => {
    const { trace } = await morphed({ device: 'lamp' }, packets(LAMP, repeat(9, [40_000])), packets(PLUG, [60]));
    expect([...trace.length]).toEqual([1514]);
  });

  test('the target itself, frames without IP and a direction that the target lacks are left alone', async () => {
    const sent = [
      ...packets(LAMP, [777]),
      ...packets(PLUG, [778], { protocols: Protocol.OTHER }),
      ...packets(PLUG, [779], { out: false }),
    ];
    const { trace } = await morphed({ device: 'lamp' }, packets(LAMP, [100]), sent);
    expect([...trace.length]).toEqual([777, 778, 779]);
  });
});

test('quantile moves as few bytes as any assignment of lengths to lengths can', async () => {
  const permutations = <T>(values: readonly T[]): T[][] =>
    values.length < 2
      ? [[...values]]
      : values.flatMap((one, i) => permutations(values.toSpliced(i, 1)).map((rest) => [one, ...rest]));
  const lengths = fc.uniqueArray(fc.integer({ min: 60, max: 700 }), { minLength: 5, maxLength: 5 });
  // Longer than any source, so that nothing is cut and each packet shows the length that it was given.
  await fc.assert(
    fc.asyncProperty(lengths, lengths, async (from, above) => {
      const to = above.map((length) => length + 700);
      const training = [...packets(LAMP, to), ...packets(PLUG, from)];
      const { trace } = await morphed({ device: 'lamp', mapping: 'quantile' }, training, packets(PLUG, from));
      expect([...trace.length].sort()).toEqual([...to].sort());
      // The sum of squares tells assignments apart, which the sum of differences does not where all are longer.
      const cost = (assigned: ArrayLike<number>) =>
        from.reduce((sum, length, i) => sum + (assigned[i]! - length) ** 2, 0);
      expect(cost(trace.length)).toBe(Math.min(...permutations(to).map(cost)));
    }),
    { numRuns: 20 },
  );
});

describe('learning', () => {
  test('is from the training traffic alone: what the target does later changes nothing', async () => {
    const applied = await learned({}, makeTrace(lamp));
    const sent = packets(PLUG, repeat(50, [60, 700]));
    const one = run(applied, makeTrace([...sent, ...packets(LAMP, [90])])).trace;
    const other = run(applied, makeTrace([...sent, ...packets(LAMP, repeat(500, [1400]))])).trace;
    const ofPlug = (trace: Trace) => trace.length.filter((_, i) => trace.device[i] === PLUG);
    expect(ofPlug(one)).toEqual(ofPlug(other));
  });

  test('passes over cover and frames without IP', async () => {
    const training = [
      ...packets(LAMP, [100]),
      ...packets(LAMP, [500], { cover: 1 }),
      ...packets(LAMP, [600], { protocols: Protocol.OTHER }),
    ];
    const { trace } = await morphed({ device: 'lamp' }, training, packets(PLUG, repeat(20, [60])));
    expect(new Set(trace.length)).toEqual(new Set([100]));
  });

  test('without a name the target is the device with most packets', async () => {
    const { trace } = await morphed({}, [...packets(LAMP, [200]), ...packets(PLUG, [300, 300])], packets(LAMP, [60]));
    expect([...trace.length]).toEqual([300]);
  });

  test('a device that was not there is mapped as in direct', async () => {
    const { trace } = await morphed({ mapping: 'quantile' }, lamp, packets(PLUG, repeat(2000, [60])));
    expect(chiSquare(trace.length, shares)).toBeLessThan(LIMIT);
  });

  test.each([
    [{}, null, 'defense morph: expected training traffic to learn from, found none'],
    [{}, makeTrace([]), 'defense morph: expected IP packets of a device in the training traffic, found none'],
    [
      { device: 'lamb' },
      makeTrace(lamp),
      'defense morph: device: expected one with training traffic (lamp), found "lamb" (did you mean "lamp"?)',
    ],
    [
      { device: 'plug' },
      makeTrace(lamp),
      'defense morph: device: expected one with training traffic (lamp), found "plug"',
    ],
  ])('%j is refused in one line', async (given, training, message) => {
    await expect(learned(given, training)).rejects.toThrow(message);
  });
});
