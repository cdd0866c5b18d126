import { describe, expect, it } from 'vitest';
import sizeHistogram from '../../attacks/size-histogram.js';
import { views } from '../../src/harness/plugins/registry.js';
import { windowingOf } from '../../src/harness/setting.js';
import { buildWindows } from '../../src/learning/build-windows.js';
import { classesFor, learnProfiles } from '../../src/learning/length-profiles.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';
import { runAttack } from '../support/run-attack.js';

const devices = ['a', 'b', 'c'];
/** Packets of a device in window number `window` of 100 s, one each half second. */
const packets = (window: number, device: number, lengths: number[]) =>
  lengths.map((length, i) => ({ time: 100 * window + i / 2 + device / 8, device, length }));
const times = (count: number, length: number) => new Array<number>(count).fill(length);
const traceOf = (...windows: ReturnType<typeof packets>[]) =>
  makeTrace(
    windows.flat().sort((a, b) => a.time - b.time),
    { devices },
  );
const given = { seconds: 100 };

describe('size-histogram where devices are apart', () => {
  const train = traceOf(
    packets(0, 0, [...times(6, 100), ...times(2, 200)]),
    packets(1, 1, [...times(3, 100), ...times(5, 300)]),
    packets(2, 2, times(8, 400)),
  );

  it('names the one at the smallest cosine distance for each packet of a window', async () => {
    const asked = traceOf(packets(0, 0, [100, 100, 200]), packets(4, 1, [300, 300]));
    const { answers, predicted } = await runAttack(sizeHistogram, given, 'home', train, asked);
    expect(predicted).toEqual([0, 0, 0, 1, 1]);
    // Cosines of (2, 1) with (6, 2): 14 / root(5 * 40); and with (3, 0, 5): 6 / root(5 * 34).
    const [near, far] = [1 - 14 / Math.sqrt(200), 1 - 6 / Math.sqrt(170)];
    expect(answers[0]).toBeCloseTo(far / (near + far), 5);
    expect([...answers.subarray(0, 3)]).toEqual([...answers.subarray(6, 9)]);
    expect(answers[2]).toBe(0);
  });

  it('has no answer where no length is known', async () => {
    const asked = traceOf(packets(0, 0, [999, 998]));
    const { answers } = await runAttack(sizeHistogram, given, 'home', train, asked);
    expect([...answers]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('needs something to learn', async () => {
    const strangers = makeTrace([{ time: 0, device: NO_DEVICE }], { devices });
    await expect(runAttack(sizeHistogram, given, 'home', strangers, strangers)).rejects.toThrow(
      'fit size-histogram: expected labelled traffic to train on, found none',
    );
  });
});

describe('size-histogram on a home as a whole', () => {
  // One device in windows of 8 packets, two in windows of 16, three in windows of 28.
  const [a, b, c] = [
    [...times(4, 100), ...times(4, 200)],
    [...times(2, 100), ...times(6, 300)],
    [...times(6, 300), ...times(6, 400)],
  ] as const;
  const train = traceOf(
    packets(0, 0, [...a]),
    packets(1, 1, [...b]),
    packets(2, 0, [...a]),
    packets(2, 1, [...b]),
    packets(3, 0, [...a]),
    packets(3, 1, [...b]),
    packets(3, 2, [...c]),
  );
  const options = { size: 100, stride: 100, unit: 'seconds', mix: 'home', port: 'service', classes: devices } as const;

  it('tells from the number of packets how many devices send', () => {
    const profiles = learnProfiles(buildWindows(train, options).windows);
    expect([1, 8, 11, 12, 16, 25, 1000].map((number) => classesFor(number, profiles))).toEqual([1, 1, 1, 2, 2, 3, 3]);
    expect([...profiles.packets]).toEqual([8, 8, 12]);
  });

  it('finds who is there, and gives each packet to the one that sends most of its length', async () => {
    const asked = traceOf(packets(0, 0, [...a]), packets(0, 1, [...b]));
    const { answers, predicted } = await runAttack(sizeHistogram, given, 'home', train, asked);
    // All but b's two of 100 bytes, of which a sends four.
    expect(predicted).toEqual([...asked.device].map((device, i) => (asked.length[i] === 100 ? 0 : device)));
    const first = answers.subarray(0, 3);
    // (4 + .008) / (4 + 2 + .016): c, who sends most of 300 bytes, is not there.
    expect(first[0]).toBeCloseTo(4.008 / 6.016, 5);
    expect(first[2]).toBe(0);
  });
});

describe('size-histogram asks for', () => {
  const setting = {
    window: 100,
    stride: 25,
    mix: 'home',
    port: 'service',
    split: { by: 'time', train: 0.6 },
    observer: 'full',
  } as const;
  const mixIn = (name: string, parameters: Record<string, unknown>) => {
    const view = views.find((one) => one.name === name)!;
    const plugin = { name: 'size-histogram', label: 'size-histogram', parameters };
    return windowingOf(setting, { view, parameters: view.parameters.parse({}) }, plugin);
  };

  it('devices, else flows, else the home, half an hour each', () => {
    const parameters = { seconds: 1800, aggregated: false };
    expect(mixIn('lan', parameters)).toMatchObject({ mix: 'single', size: 1800, stride: 1800, unit: 'seconds' });
    expect(mixIn('napt', parameters).mix).toBe('flow');
    expect(mixIn('vpn', parameters).mix).toBe('home');
  });

  it('the home where it is told to', () => {
    expect(mixIn('lan', { seconds: 60, aggregated: true })).toMatchObject({ mix: 'home', size: 60 });
  });
});
