import { expect, test } from 'vitest';
import { views } from '../../src/harness/plugins/registry.js';
import { checkRealism, type RealismOptions } from '../../src/likeness/realism.js';
import { InputError } from '../../src/shared/errors.js';
import { createRng } from '../../src/shared/rng.js';
import { createTraceBuilder, Protocol, type Trace } from '../../src/trace/trace.js';

const HOURS = 8;

/** Two devices, each with a heartbeat of its own size and period; from `changeAt` on the lock's is of another size. */
function home(changeAt = Number.POSITIVE_INFINITY): Trace {
  const rng = createRng(1, 'realism test');
  const trace = createTraceBuilder([
    { name: 'lock', category: 'iot' },
    { name: 'lamp', category: 'iot' },
  ]);
  for (const [device, every, length] of [
    [0, 31, 120],
    [1, 47, 300],
  ] as const) {
    const port = 8883 + device;
    const address = `192.168.1.${7 + device}`;
    const flow = trace.flow({
      transport: 6,
      localPort: 40_000,
      remotePort: port,
      localAddress: address,
      remoteAddress: '93.184.216.34',
      wan: true,
      header: 14,
    });
    for (let t = 0; t < HOURS * 3600; t += every * (0.9 + 0.2 * rng.uniform())) {
      const changed = device === 0 && t > changeAt ? 40 : 0;
      const row = { protocols: Protocol.IP | Protocol.TCP, port, flow, device };
      trace.push({ ...row, time: 1e9 + t, length: length + changed, direction: 1 });
      trace.push({ ...row, time: 1e9 + t + 0.02 + 0.02 * rng.uniform(), length: 90, direction: 0 });
    }
  }
  return trace.build();
}

const options: RealismOptions = {
  trainShare: 0.6,
  seeds: 1,
  seed: 1,
  window: 10,
  minimumPackets: 100,
  trees: 10,
  threads: 1,
  view: views.find(({ name }) => name === 'napt')!,
};

test('of devices that never change, generated packets are not told from real ones; the same seed, the same figures', async () => {
  const realism = await checkRealism(home(), options);
  expect(await checkRealism(home(), options)).toEqual(realism);
  const { generated, earlier, identification } = realism;
  for (const { packets } of [generated.home, earlier.home, ...Object.values(generated.devices)]) {
    expect(Math.abs(packets!.mean - 0.5)).toBeLessThan(0.1);
    expect(packets!.low!).toBeLessThan(packets!.mean);
    expect(packets!.high!).toBeGreaterThan(packets!.mean);
  }
  // Port or size alone tell two such devices apart, to whoever has seen either kind.
  expect(identification.devices).toBe(2);
  expect(identification.trainedOnReal.accuracy.mean).toBe(1);
  expect(identification.trainedOnGenerated.accuracy.mean).toBe(1);
  expect(identification.trainedOnGenerated.macroF1).toBe(1);
  expect(identification.majority).toBeCloseTo(47 / 78, 1);
});

test('of a device that changed after it was fitted they are, as are real ones of before', async () => {
  const { generated, earlier } = await checkRealism(home(HOURS * 3600 * 0.6), options);
  // Half of the lock's packets are of a size that never was before.
  for (const { devices } of [generated, earlier]) {
    expect(devices.lock!.packets!.mean).toBeGreaterThan(0.7);
    expect(devices.lock!.windows!.mean).toBeGreaterThan(0.95);
    expect(Math.abs(devices.lamp!.packets!.mean - 0.5)).toBeLessThan(0.1);
  }
});

test('too few devices with packets on both sides are refused', async () => {
  await expect(checkRealism(home(), { ...options, minimumPackets: 1200 })).rejects.toThrow(InputError);
  await expect(checkRealism(home(), { ...options, minimumPackets: 1200 })).rejects.toThrow(
    'expected at least two devices with 1200 packets on both sides of the split, found 0',
  );
});

test('a view that shows nothing of the captures, as of encrypted Wi-Fi from outside, is refused in one line', async () => {
  const { flows, ...trace } = home();
  const hidden = {
    ...trace,
    flows: { ...flows, wan: flows.wan.map(() => 0), transport: flows.transport.map(() => 0) },
  };
  await expect(checkRealism(hidden, options)).rejects.toThrow(
    /^view napt: none of \d+ packets shows an IP address, as in encrypted Wi-Fi/,
  );
});
