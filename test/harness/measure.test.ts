import { describe, expect, it } from 'vitest';
import { measure } from '../../src/harness/measure.js';
import { type SeedRun, UNDEFENDED } from '../../src/harness/seed-run.js';
import { appliedView } from '../../src/harness/setting.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTrace } from '../support/make-trace.js';

const spec = resolveSpec({ defenses: ['none'], window: 20 });
const devices = ['plug', 'camera'];

/** Packets of two devices in random order, each as often as the other; with `coverLength` half of them are cover of that length. */
async function measureHome(lengthOf: (device: number) => number, coverLength?: number) {
  const rng = createRng(1, 'home');
  const part = () =>
    makeTrace(
      Array.from({ length: 1500 }, (_, i) => {
        const device = rng.integer(0, 1);
        const cover = coverLength === undefined ? 0 : rng.integer(0, 1);
        return { time: i, device, cover, length: cover ? coverLength! : lengthOf(device) };
      }),
      { devices },
    );
  const traces = { train: part(), test: part() };
  const seedRun = {
    defend: async (_: unknown, name: 'train' | 'test') => ({ defended: { trace: traces[name] }, seconds: 0 }),
  } as unknown as SeedRun;
  return measure(spec, appliedView(spec), { classes: devices } as never, seedRun, UNDEFENDED, 1, 1);
}

describe('what traffic gives away', () => {
  it('is everything where a device has a length of its own', async () => {
    const metrics = await measureHome((device) => 100 + device);
    expect(metrics).toMatchObject({ defense: 'none', seed: 1, coverAuc: null });
    expect(metrics.accuracyBound).toBeGreaterThan(0.999);
    expect(metrics.deviceEntropy).toBeCloseTo(1, 2);
    expect(metrics.mutualInformation.length).toBeCloseTo(metrics.deviceEntropy, 2);
    for (const feature of ['port', 'protocols', 'direction', 'interval']) {
      expect(metrics.mutualInformation[feature]).toBeLessThan(0.005);
    }
  });

  it('is nothing where devices send the same', async () => {
    const metrics = await measureHome(() => 100);
    expect(metrics.mutualInformation.length).toBeLessThan(0.005);
    // Errors of a half but for chance; the bound grows fast from there.
    expect(metrics.nearestNeighbourError.packet).toBeCloseTo(0.5, 1);
    expect(metrics.accuracyBound).toBeLessThan(0.7);
    expect(metrics.bayesErrorBound! + metrics.accuracyBound!).toBe(1);
  });

  it('is in an open world of known devices, and bounds the accuracy as if all unknown packets were called so', async () => {
    const rng = createRng(1, 'home');
    const part = (among: number) =>
      makeTrace(
        Array.from({ length: 1500 }, (_, i) => ({ time: i, device: rng.integer(0, among), length: 100 })),
        { devices: [...devices, 'lock'] },
      );
    const traces = { train: part(1), test: part(2) };
    const seedRun = {
      defend: async (_: unknown, name: 'train' | 'test') => ({ defended: { trace: traces[name] }, seconds: 0 }),
    } as unknown as SeedRun;
    const metrics = await measure(spec, appliedView(spec), { classes: devices } as never, seedRun, UNDEFENDED, 1, 1);
    expect(metrics.deviceEntropy).toBeCloseTo(1, 2);
    const { packet, neighbours, window } = metrics.nearestNeighbourError as Record<string, number>;
    const known = traces.test.device.filter((device) => device < 2).length / 1500;
    const lowest = Math.min(packet!, neighbours!, window!);
    expect(metrics.bayesErrorBound).toBeCloseTo(known * (0.5 - 0.5 * Math.sqrt(Math.max(0, 1 - 2 * lowest))), 9);
    expect(metrics.accuracyBound).toBeGreaterThan(1 / 3);
  });

  it('is of real packets alone, and cover is told by what sets it apart', async () => {
    const metrics = await measureHome((device) => 100 + device, 1500);
    expect(metrics.coverAuc).toBe(1);
    expect(metrics.accuracyBound).toBeGreaterThan(0.999);
    expect(metrics.deviceEntropy).toBeCloseTo(1, 2);
    const alike = await measureHome(() => 100, 100);
    expect(alike.coverAuc).toBeLessThan(0.6);
  });

  it('is the same each time', async () => {
    expect(await measureHome(() => 100, 101)).toEqual(await measureHome(() => 100, 101));
  });
});
