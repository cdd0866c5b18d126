import { describe, expect, test } from 'vitest';
import stp from '../../defenses/stp.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { defend } from '../support/defended-wire.js';
import { carriedBy, type Packet } from '../support/traces.js';

/** Slots of a second, and their distance. */
const RATE = 4;
const GAP = 1 / RATE;

/** `seconds` whole seconds, in each of which something happens with probability p, at any time of it; one packet each time. */
function household(seconds: number, p: number): Packet[] {
  const rng = createRng(7, 'household', String(p));
  const packets: Packet[] = [{ time: 0, length: 100 }];
  for (let second = 1; second < seconds; second++) {
    const offset = rng.uniform();
    if (rng.uniform() < p) packets.push({ time: second + offset, length: 100 });
  }
  return [...packets, { time: seconds, length: 100 }];
}

describe('whoever sees a padded period start', () => {
  const SECONDS = 20_000;

  test.each([
    [0.05, 0.05],
    [0.05, 0.2],
    [0.02, 0.1],
    [0.2, 0.1],
    [0.3, 0.5],
  ])('learns no more than p / (p + (1 - p) q): p %d, q %d', (p, q) => {
    const packets = household(SECONDS, p);
    const { trace } = defend(stp, { rate: RATE, probability: q }, packets);
    const real = new Set(packets.map(({ time }) => Math.floor(time)));
    let started = 0;
    let hits = 0;
    // A period starts with a frame after a pause. Seconds that one runs into are left out: there none can start at first.
    for (let frame = 1; frame < trace.packets; frame++) {
      const second = Math.floor(trace.time[frame]!);
      const before = trace.time[frame - 1]!;
      if (trace.time[frame]! - before < 1.5 * GAP || before + GAP > second || second >= SECONDS) continue;
      started++;
      if (real.has(second)) hits++;
    }
    expect(started).toBeGreaterThan(500);
    const posterior = p / (p + (1 - p) * q);
    const deviation = Math.sqrt((posterior * (1 - posterior)) / started);
    expect(Math.abs(hits / started - posterior)).toBeLessThan(3.5 * deviation);
  });

  test('finds starts of cover uniform over the second', () => {
    const { trace } = defend(stp, { rate: RATE, probability: 0.05 }, [
      { time: 0, length: 60 },
      { time: 40_000, length: 60 },
    ]);
    const tenths = new Array<number>(10).fill(0);
    let starts = 0;
    for (let frame = 1; frame < trace.packets; frame++) {
      const time = trace.time[frame]!;
      if (time - trace.time[frame - 1]! < 1.5 * GAP || trace.time[frame - 1]! + GAP > Math.floor(time)) continue;
      tenths[Math.floor((time % 1) * 10)]!++;
      starts++;
    }
    expect(starts).toBeGreaterThan(1500);
    const chiSquare = tenths.reduce((sum, count) => sum + (count - starts / 10) ** 2 / (starts / 10), 0);
    // 99.9 % quantile with 9 degrees of freedom (scipy.stats.chi2.ppf(0.999, 9)).
    expect(chiSquare).toBeLessThan(27.88);
  });
});

test('a packet starts a period of T R slots, the first at once, the rest cover like it', () => {
  const { trace } = defend(stp, { probability: 0 }, [{ time: 1.7e9, length: 77, out: false, flow: 2 }]);
  expect([...trace.time]).toEqual(Array.from({ length: 100 }, (_, i) => 1.7e9 + i / 100));
  expect([...trace.cover]).toEqual([0, ...new Array(99).fill(1)]);
  for (const column of [trace.length, trace.direction, trace.flow, trace.port]) expect(new Set(column).size).toBe(1);
});

test('real packets wait for slots in order of arrival, both directions together, and keep their lengths', () => {
  const packets = [0, 0.01, 0.02, 0.1, 0.9].map((time, i) => ({
    time,
    length: 100 + i,
    out: i % 2 === 0,
    flow: i % 3,
  }));
  const defended = defend(stp, { rate: 4, probability: 0 }, packets);
  expect([...defended.trace.time]).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]);
  const carried = [0, 1, 2, 3, 4].map((frame) => carriedBy(defended, frame)[0]![0]);
  expect(carried).toEqual([0, 1, 2, 3, 4]);
  expect([...defended.trace.length].slice(0, 5)).toEqual([100, 101, 102, 103, 104]);
});

test('a period that packets still wait in at its end is prolonged by T, and no longer', () => {
  const many = Array.from({ length: 9 }, () => ({ time: 0, length: 60 }));
  expect(defend(stp, { rate: 4, probability: 0 }, many).trace.packets).toBe(12);
  expect(defend(stp, { rate: 4, probability: 0 }, many.slice(1)).trace.packets).toBe(8);
});

test('a period decided upon in a running one prolongs it', () => {
  // With probability 1 there is one in each second: as many slots as in 1000 s, and soon no pause between them.
  const { trace } = defend(stp, { rate: 10, probability: 1 }, [
    { time: 0, length: 60 },
    { time: 1000, length: 60 },
  ]);
  const pauses = [...trace.time].filter((time, i) => i > 0 && time - trace.time[i - 1]! > 0.15);
  expect(pauses.length).toBeLessThan(20);
  expect(Math.abs(trace.packets - 10_000)).toBeLessThan(40);
});

test('cover has the lengths, flows and directions of the device, as often as it had them', () => {
  const packets = Array.from({ length: 400 }, (_, i) => {
    const small = i % 4 > 0;
    return { time: i * 0.01, length: small ? 100 : 1500, out: small, flow: small ? 1 : 2, device: 1 };
  });
  const other = { time: 2, length: 500, flow: 0, device: 0 };
  const all = [...packets.slice(0, 200), other, ...packets.slice(200)];
  const { trace } = defend(stp, { probability: 0.5, rate: 200 }, [
    ...all,
    { time: 60, length: 100, flow: 1, device: 1 },
  ]);
  const kinds = new Map<string, number>();
  let covers = 0;
  for (let i = 0; i < trace.packets; i++) {
    if (trace.cover[i] === 0 || trace.device[i] !== 1) continue;
    const kind = `${trace.length[i]} ${trace.direction[i]} ${trace.flow[i]}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    covers++;
  }
  expect([...kinds.keys()].sort()).toEqual(['100 1 1', '1500 0 2']);
  expect(Math.abs(kinds.get('1500 0 2')! / covers - 0.25)).toBeLessThan(0.03);
});

test('nothing starts after the end of the input', () => {
  const { trace } = defend(stp, { rate: 10, probability: 1, period: 2 }, [{ time: 3, length: 60 }]);
  expect([trace.packets, trace.time.at(-1)]).toEqual([20, 3 + 19 / 10]);
});

test('a rate without a packet in a period is refused', () => {
  expect(() => resolveParameters(stp.parameters, { period: 0.5, rate: 1.5 }, 'defense stp')).toThrow(
    /^defense stp: rate: expected at least 1 packet in a period of 0.5 s, found 1.5 a second$/,
  );
});
