import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Identifier } from '../../src/learning/attack.js';
import { ratioDifference } from '../../src/learning/interval.js';
import { createRng } from '../../src/shared/rng.js';
import { createComparison, type NoiseSwitch } from '../../src/watch/comparison.js';
import { createNoiseCommand } from '../../src/watch/noise-command.js';
import { createWatcher } from '../../src/watch/watcher.js';
import { temporaryFolder } from '../support/fixtures.js';
import { makeTrace } from '../support/make-trace.js';
import { until } from '../support/run-live.js';

/** Calls packets of 100 bytes plug, of 200 phone, with 0.8; is unsure of others, with 0.4 for plug. */
const byLength: Identifier = {
  async predict({ packets }) {
    const out = new Float32Array(packets.rows * 3);
    for (let row = 0; row < packets.rows; row++) {
      const length = packets.length[row]!;
      out.set(length === 100 ? [0.8, 0.1, 0.1] : length === 200 ? [0.1, 0.8, 0.1] : [0.4, 0.3, 0.3], row * 3);
    }
    return out;
  },
};
const options = {
  identifier: byLength,
  classes: ['plug', 'phone', 'other'].map((name) => ({ name, category: 'iot' as const })),
  mistaken: [0, 0, 0],
  windowing: { size: 50, mix: 'home' as const, port: 'service' as const },
  span: 60,
  isLabelled: true,
};
const devices = ['plug', 'phone', 'stranger'];

/**
 * Ten packets a second of the plug. With the noise off, 9 of 10 are of 100 bytes, with it on 6 of 10, the others of 200; and with
 * it on, five a second of 300 bytes of a stranger's besides.
 */
function second(at: number, noise: boolean, rng: ReturnType<typeof createRng>) {
  const own = Array.from({ length: 10 }, (_, i) => ({
    time: at + i / 10,
    length: rng.uniform() < (noise ? 0.6 : 0.9) ? 100 : 200,
    device: 0,
  }));
  const made = noise ? Array.from({ length: 5 }, (_, i) => ({ time: at + 0.05 + i / 10, length: 300, device: 2 })) : [];
  return makeTrace(
    [...own, ...made].sort((a, b) => a.time - b.time),
    { devices },
  );
}

/** Runs a comparison by a clock of its own; whoever switches the noise does so at once. */
async function compare(noise: NoiseSwitch | null, isOn: () => boolean, request = { seconds: 60, pairs: 2 }) {
  const watcher = createWatcher(options);
  const comparison = createComparison(watcher, options, request, noise);
  const rng = createRng(7, 'made-up');
  const phases: string[] = [];
  let byHand = false;
  let now = 6000;
  await comparison.start(now);
  for (; !['done', 'failed'].includes(comparison.status.phase) && now < 7000; now++) {
    const { phase } = comparison.status;
    if (phases.at(-1) !== phase) phases.push(phase);
    if (noise === null && phase.startsWith('turn')) {
      byHand = phase === 'turn on';
      comparison.confirm(now);
    }
    await watcher.add(second(now, noise === null ? byHand : isOn(), rng));
    await comparison.tick(now + 1);
  }
  return { status: comparison.status, phases };
}

describe('before and after', () => {
  test('switched by hand: the differences that were made, within their intervals', async () => {
    const { status, phases } = await compare(null, () => false);
    expect(phases).toEqual(['turn off', 'off', 'turn on', 'on', 'turn off', 'off', 'turn on', 'on', 'late packets']);
    const { accuracy, attributed, confidence, rate, megabytesPerDay, periods, blocks } = status.result!;
    expect(status.done).toBe(4);
    expect(blocks).toBe(20);
    expect(periods.map(({ noise, from, to }) => [noise, to - from])).toEqual([
      [false, 60],
      [true, 60],
      [false, 60],
      [true, 60],
    ]);
    expect(periods[0]!.seen).toEqual(['plug', 'phone']);
    // By construction: named right 0.9 and 0.6; attributed all, then 10 of 15.
    expect(accuracy!.difference!.low).toBeLessThan(-0.3);
    expect(accuracy!.difference!.high).toBeGreaterThan(-0.3);
    expect(accuracy!.difference!.high! - accuracy!.difference!.low!).toBeLessThan(0.15);
    expect(attributed.off).toBe(1);
    expect(attributed.on).toBeCloseTo(2 / 3, 6);
    expect(confidence.difference!.mean).toBeCloseTo(0, 6);
    // 10 packets of 110 bytes on average, then 10 of 140 and 5 of 300.
    expect(rate.off! / 1100).toBeCloseTo(1, 1);
    expect(rate.on! / 2900).toBeCloseTo(1, 1);
    const perDay = ((2900 - 1100) * 86_400) / 1e6;
    expect(megabytesPerDay!.low).toBeLessThan(perDay);
    expect(megabytesPerDay!.high).toBeGreaterThan(perDay);
  });

  test('switched for the user: on in the periods with noise alone, off at the end', async () => {
    let isOn = false;
    const turns: boolean[] = [];
    const noise: NoiseSwitch = {
      failure: null,
      start() {
        isOn = true;
        turns.push(true);
      },
      async stop() {
        if (isOn) turns.push(false);
        isOn = false;
      },
    };
    const { status, phases } = await compare(noise, () => isOn, { seconds: 20, pairs: 5 });
    expect(turns).toEqual(Array.from({ length: 10 }, (_, i) => i % 2 === 0));
    expect(phases.filter((phase) => phase === 'on')).toHaveLength(5);
    // With five periods, each is a block.
    expect(status.result!.blocks).toBe(5);
    expect(status.result!.attributed.on).toBeCloseTo(2 / 3, 1);
  });

  test('noise that ends by itself ends the comparison, with a word', async () => {
    const noise = { failure: 'the noise command ended early', start() {}, async stop() {} };
    const { status } = await compare(noise, () => false, { seconds: 20, pairs: 1 });
    expect(status).toMatchObject({ phase: 'failed', problem: 'the noise command ended early', result: null });
  });

  test('one at a time; it can be cancelled', async () => {
    const comparison = createComparison(createWatcher(options), options, { seconds: 60, pairs: 1 }, null);
    await comparison.start(0);
    await expect(comparison.start(1)).rejects.toThrow('a comparison is already running');
    await comparison.cancel();
    await comparison.start(2);
    expect(comparison.status).toMatchObject({ phase: 'turn off', done: 0 });
  });

  test.each([
    [{ seconds: 5, pairs: 1 }, '--compare: expected periods of at least 10 s (a sixth of --span), found 5 s'],
    [{ seconds: 1e6, pairs: 1 }, '--compare: expected periods of at most 2880 s (or a longer --span), found 1000000 s'],
    [{ seconds: Number.NaN, pairs: 1 }, '--compare: expected periods of at least 10 s'],
    [{ seconds: 60, pairs: 0.5 }, '--periods: expected a whole number from 1 to 100, found 0.5'],
  ])('%j cannot be measured', async (request, message) => {
    await expect(createComparison(createWatcher(options), options, request, null).start(0)).rejects.toThrow(message);
  });
});

describe('the noise command', () => {
  test('runs until it is stopped, with what it started', async () => {
    const file = join(temporaryFolder(), 'ended');
    const noise = createNoiseCommand(`trap 'echo stopped > ${file}; exit' INT; while :; do sleep 0.05; done`);
    noise.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await noise.stop();
    expect(readFileSync(file, 'utf8')).toBe('stopped\n');
    expect(noise.failure).toBeNull();
  });

  test('that ends by itself has failed', async () => {
    const file = join(temporaryFolder(), 'ran');
    const noise = createNoiseCommand(`touch ${file}; exit 3`);
    noise.start();
    await until(() => existsSync(file) && noise.failure !== null);
    expect(noise.failure).toBe(`the noise command ended early, with exit code 3: touch ${file}; exit 3`);
  });
});

describe('the difference of two ratios', () => {
  const blocks = (part: number[], whole: number[]) => ({
    part: Float64Array.from(part),
    whole: Float64Array.from(whole),
  });

  test('is of sums, not of means of blocks', () => {
    const difference = ratioDifference(blocks([1, 8], [1, 9]), blocks([0, 5], [5, 5]), createRng(1))!;
    expect(difference.mean).toBeCloseTo(5 / 10 - 9 / 10, 12);
  });

  test('covers the truth about as often as it says', () => {
    const rng = createRng(3, 'coverage');
    const side = (p: number) => {
      const part = Array.from({ length: 20 }, () =>
        Array.from({ length: 50 }, () => (rng.uniform() < p ? 1 : 0)).reduce((a: number, b) => a + b, 0),
      );
      return blocks(
        part,
        part.map(() => 50),
      );
    };
    let covered = 0;
    for (let i = 0; i < 60; i++) {
      const { low, high } = ratioDifference(side(0.7), side(0.4), createRng(i))!;
      if (low! <= -0.3 && high! >= -0.3) covered++;
    }
    // Fewer than 50 of 60, each with a chance of 0.95, happen once in thousands of times; the percentile bootstrap is a little narrow.
    expect(covered).toBeGreaterThanOrEqual(50);
  });

  test('is none of nothing, and has no bounds with one block', () => {
    expect(ratioDifference(blocks([0], [0]), blocks([1], [1]), createRng(1))).toBeNull();
    expect(ratioDifference(blocks([1], [2]), blocks([1], [1]), createRng(1))).toEqual({
      mean: 0.5,
      low: null,
      high: null,
    });
  });
});
