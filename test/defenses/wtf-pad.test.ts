import { describe, expect, test } from 'vitest';
import wtfPad from '../../defenses/wtf-pad.js';
import type { Trace } from '../../src/trace/trace.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { allowed, distance, steps } from '../support/statistics.js';
import { makeTrace, type Packet } from '../support/traces.js';

/** A lone packet now and then, so far apart that all fake bursts after it have ended. */
const lone = (count: number, packet: Partial<Packet> = {}): Trace =>
  makeTrace(Array.from({ length: count }, (_, i) => ({ time: 10_000 * i, length: 100, ...packet })));

const timesOf = (trace: Trace) => coverRows(trace).map((row) => trace.time[row]!);

/** Fake bursts follow each other after 5 to 10 s, and their packets within 0.3 s, so that the two can be told apart. */
const apart = { clientBurstMean: 7000, clientBurstDeviation: 200, serverBurstMean: 7000, serverBurstDeviation: 200 };
const BETWEEN = 1;

/** Distribution function of the normal distribution cut off below 0, in the doubling bins up to 10 s, uniform within each. */
function binned(mean: number, deviation: number): (x: number) => number {
  // Trapezoids in place of the error function of the code under test.
  const density = (x: number) => Math.exp(-((x - mean) ** 2) / (2 * deviation ** 2));
  const ends = [0, ...Array.from({ length: 30 }, (_, i) => 10 / 2 ** (29 - i))];
  const mass = steps(ends).map((width, i) => {
    const points = 400;
    let sum = 0;
    for (let k = 0; k < points; k++) sum += density(ends[i]! + ((k + 0.5) / points) * width);
    return (sum * width) / points;
  });
  const total = mass.reduce((a, b) => a + b, 0);
  return (x) => {
    let below = 0;
    for (const [i, part] of mass.entries()) {
      const share = Math.min(1, Math.max(0, (x - ends[i]!) / (ends[i + 1]! - ends[i]!)));
      below += part * share;
    }
    return below / total;
  };
}

describe.each([
  ['client', true, 0.06129599, 0.03995375, 21, 9],
  ['server', false, 0.01325997, 0.0973761, 34, 19],
] as const)('the %s side', (_, out, gapMean, gapDeviation, gapLength, odds) => {
  const PACKETS = 101;
  const run = async () => timesOf((await runDefense(wtfPad, apart, lone(PACKETS, { out }))).trace);

  test('spaces the packets of fake bursts as the gap histogram says', async () => {
    const gaps = steps(await run()).filter((gap) => gap < BETWEEN);
    expect(gaps.length).toBeGreaterThan(10_000);
    expect(distance(gaps, binned(gapMean, gapDeviation))).toBeLessThan(allowed(gaps.length));
  });

  test('makes fake bursts as long and as many as infinity lets it', async () => {
    const times = await run();
    const bursts = steps(times).filter((gap) => gap >= BETWEEN).length + 1;
    expect(Math.abs(times.length / bursts / gapLength - 1)).toBeLessThan(0.1);
    expect(Math.abs(bursts / (PACKETS - 1) / odds - 1)).toBeLessThan(0.3);
  });
});

test('after a real packet cover comes as the burst histogram says', async () => {
  const trace = lone(2001);
  const { trace: defended } = await runDefense(wtfPad, { clientGapLength: 1.01 }, trace);
  const first: number[] = [];
  for (let row = 1; row < defended.packets; row++) {
    if (defended.cover[row] === 1 && defended.cover[row - 1] === 0)
      first.push(defended.time[row]! - defended.time[row - 1]!);
  }
  // Nine of ten draws are finite.
  expect(Math.abs(first.length / 2000 - 0.9)).toBeLessThan(0.03);
  expect(distance(first, binned(0.001564159, 0.052329599))).toBeLessThan(allowed(first.length));
});

test('a real packet before the time is over puts cover off', async () => {
  const busy = makeTrace(Array.from({ length: 2000 }, (_, i) => ({ time: 0.01 * i, length: 100 })));
  // Cover would come 350 to 450 ms after a packet; the next one comes after 10 ms.
  const late = { clientBurstMean: 400, clientBurstDeviation: 10 };
  expect(coverRows((await runDefense(wtfPad, late, busy)).trace)).toEqual([]);
});

test('what is received makes no cover outbound', async () => {
  const { trace } = await runDefense(wtfPad, {}, lone(20, { out: false }));
  expect(coverRows(trace).every((row) => trace.direction[row] === 0)).toBe(true);
});
