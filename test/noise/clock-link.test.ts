import { expect, test } from 'vitest';
import { builtIns } from '../../src/harness/plugins/registry.js';
import { createClockLink } from '../../src/noise/clock-link.js';
import type { Defense } from '../../src/shaping/shaper.js';
import { shape } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { createTraceBuilder, Direction, Protocol } from '../../src/trace/trace.js';

const defense = (name: string): Defense => builtIns.defenses.find((one) => one.name === name)!;

const thrown = (error: unknown): never => {
  throw error;
};

const packet = (direction: Direction) => ({
  ...{ direction, length: 500, header: 14 },
  ...{ protocols: Protocol.IP | Protocol.TCP, port: 443 },
});

/** Frames of cover in `seconds` of the virtual clock, after two packets. */
function simulated(name: string, given: Record<string, unknown>, seconds: number, seed: number): number {
  const builder = createTraceBuilder([{ name: 'a', category: 'iot' }], ['x'], 3);
  builder.flow({
    transport: 6,
    localPort: 1,
    remotePort: 443,
    localAddress: '192.0.2.1',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: 14,
  });
  const times = [0, 0.001, seconds];
  for (const [i, time] of times.entries()) {
    const direction = i === 1 ? Direction.INBOUND : Direction.OUTBOUND;
    builder.push({
      time,
      length: 500,
      direction,
      protocols: Protocol.IP | Protocol.TCP,
      port: 443,
      flow: 0,
      device: 0,
    });
  }
  const own = defense(name);
  const { trace } = shape(builder.build(), own, resolveParameters(own.parameters, given, name), {
    rng: createRng(seed),
  });
  return trace.cover.reduce((sum, one) => sum + one, 0);
}

test.each([
  ['constant-rate', { interval: 0.01 }],
  ['dummy', { rate: 100 }],
])('%s sends as much cover on a real clock as on the virtual one', async (name, given) => {
  const seconds = 1.5;
  let frames = 0;
  const own = defense(name);
  const link = createClockLink(
    { defense: own, parameters: resolveParameters(own.parameters, given, name) },
    { rng: createRng(1), onCover: () => frames++, onError: thrown },
  );
  const began = performance.now();
  link.packet('a', packet(Direction.OUTBOUND));
  link.packet('a', packet(Direction.INBOUND));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  link.close();
  const expected = simulated(name, given, (performance.now() - began) / 1000, 1);
  const after = frames;
  // A machine that is busy is late with timers, which then make up for it.
  expect(Math.abs(frames - expected)).toBeLessThan(5 * Math.sqrt(expected) + 10);
  expect(expected).toBeGreaterThan(100);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(frames).toBe(after);
});

test('timers that were missed while nothing ran are made up for, up to a limit', async () => {
  let now = 0;
  let frames = 0;
  const own = defense('constant-rate');
  const link = createClockLink(
    { defense: own, parameters: resolveParameters(own.parameters, { interval: 1 }, '') },
    { rng: createRng(1), onCover: () => frames++, onError: thrown, clock: () => now },
  );
  link.packet('a', packet(Direction.OUTBOUND));
  // Asleep for an hour: not the 7200 frames of it.
  now = 3600;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  link.close();
  expect(frames).toBeGreaterThan(0);
  expect(frames).toBeLessThan(30);
});

test('a defense of devices has a shaper for each, one of the home has one', () => {
  const created = (scope: 'device' | 'flow' | 'home') => {
    let shapers = 0;
    const counted: Defense = {
      ...defense('none'),
      scope,
      create() {
        shapers++;
        return { packet() {} };
      },
    };
    const link = createClockLink(
      { defense: counted, parameters: {} },
      { rng: createRng(1), onCover: () => {}, onError: thrown },
    );
    for (const device of ['a', 'b', 'a']) link.packet(device, packet(Direction.OUTBOUND));
    link.close();
    return shapers;
  };
  expect([created('device'), created('flow'), created('home')]).toEqual([2, 2, 1]);
});
