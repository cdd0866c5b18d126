import { describe, expect, test } from 'vitest';
import jitter from '../../defenses/jitter.js';
import { addedDelays } from '../../src/shaping/cost.js';
import { shape } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTrace, type Packet } from '../support/traces.js';

function delayed(given: Record<string, unknown>, packets: Packet[]) {
  const parameters = resolveParameters(jitter.parameters, given, 'defense jitter');
  return shape(makeTrace(packets), jitter, parameters, { rng: createRng(5) });
}

/** Delays of packets so far apart that none waits for another. */
function draws(given: Record<string, unknown>): number[] {
  const packets = Array.from({ length: 20_000 }, (_, i) => ({ time: i * 100, length: 60 }));
  return [...addedDelays(delayed(given, packets))];
}

const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Kurtosis: 1.8 for the uniform, 3 for the normal, 6 for the Laplace, 9 for the exponential distribution. */
function moments(values: number[]) {
  const mean = average(values);
  const deviation = Math.sqrt(average(values.map((x) => (x - mean) ** 2)));
  return { mean, deviation, kurtosis: average(values.map((x) => ((x - mean) / deviation) ** 4)) };
}

describe('the delays of a distribution', () => {
  test.each([
    ['uniform', {}, 0.05, 0.1 / Math.sqrt(12), 1.8, 0.1],
    ['normal', { delay: 0.5, deviation: 0.02 }, 0.5, 0.02, 3, 0.3],
    ['laplace', { delay: 0.5, deviation: 0.02 }, 0.5, 0.02, 6, 1],
    ['exponential', { delay: 0.1 }, 0.1, 0.1, 9, 2],
  ])('%s', (distribution, given, expectedMean, expectedDeviation, expectedKurtosis, band) => {
    const drawn = draws({ distribution, ...given });
    const { mean, deviation, kurtosis } = moments(drawn);
    expect(Math.abs(mean - expectedMean)).toBeLessThan(expectedDeviation * 0.04);
    expect(Math.abs(deviation / expectedDeviation - 1)).toBeLessThan(0.04);
    expect(Math.abs(kurtosis - expectedKurtosis)).toBeLessThan(band);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
  });

  test('a negative delay becomes none', () => {
    const drawn = draws({ distribution: 'normal', delay: 0, deviation: 0.02 });
    const none = drawn.filter((delay) => delay === 0).length;
    expect(Math.abs(none / drawn.length - 0.5)).toBeLessThan(0.02);
  });
});

test('batch releases at multiples of the quantum, and keeps what arrives at one', () => {
  const packets = [0.25, 0.5, 0.75, 1.25].map((time) => ({ time, length: 60 }));
  const { trace } = delayed({ distribution: 'batch', quantum: 0.5 }, packets);
  expect([...trace.time]).toEqual([0.5, 0.5, 1, 1.5]);
});

test('packets of one flow wait for the slowest before them, in both directions; other flows do not', () => {
  const times = Array.from({ length: 50 }, (_, i) => i * 0.001);
  const packets = times.flatMap((time, i) => [
    { time, length: 100 + i, out: i % 2 === 0, flow: 0 },
    { time, length: 200 + i, out: true, flow: 1 },
  ]);
  const { trace } = delayed({ delay: 0.5 }, packets);
  const lengthsOf = (flow: number) => [...trace.length].filter((_, i) => trace.flow[i] === flow);
  expect(lengthsOf(0)).toEqual(times.map((_, i) => 100 + i));
  expect(lengthsOf(1)).toEqual(times.map((_, i) => 200 + i));
  const order = [...trace.flow];
  expect(order).not.toEqual(packets.map(({ flow }) => flow));
});
