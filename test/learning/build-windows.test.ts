import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildWindows, labelPackets, rowsInWindows, thinWindows } from '../../src/learning/build-windows.js';
import { NO_CLASS } from '../../src/learning/windows.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';

const classes = ['a', 'b', 'c'];
const home = { size: 2, stride: 2, mix: 'home', port: 'service', classes } as const;

describe('streams', () => {
  const trace = makeTrace([
    { time: 0, device: 1, file: 0 },
    { time: 1, device: 0, file: 0 },
    { time: 2, device: 1, file: 1 },
    { time: 4, device: NO_DEVICE, cover: 1, file: 1 },
    { time: 8, device: 0, file: 1 },
  ]);

  it('merges all devices in order of time for a home', () => {
    const { windows, source } = buildWindows(trace, home);
    expect([...source]).toEqual([0, 1, 2, 3, 4]);
    expect([...windows.packets.interval]).toEqual([0, 1, 1, 2, 4]);
    expect([...windows.start]).toEqual([0, 2, 4]);
    expect([...windows.count]).toEqual([2, 2, 1]);
  });

  it('gives each device its own stream, and one to packets of no device', () => {
    const { windows, source } = buildWindows(trace, { ...home, mix: 'single' });
    expect([...source]).toEqual([0, 2, 1, 4, 3]);
    expect([...windows.packets.interval]).toEqual([0, 2, 0, 7, 0]);
    expect([...windows.start]).toEqual([0, 2, 4]);
    expect([...windows.count]).toEqual([2, 2, 1]);
  });

  it('gives each flow its own stream, for an observer who separates them', () => {
    const flows = { ...trace, flow: Uint32Array.of(0, 1, 0, 0, 1) };
    const { windows, source } = buildWindows(flows, { ...home, mix: 'flow' });
    expect([...source]).toEqual([0, 2, 3, 1, 4]);
    expect([...windows.packets.interval]).toEqual([0, 2, 2, 0, 7]);
    expect([...windows.start]).toEqual([0, 2, 3]);
    expect([...windows.count]).toEqual([2, 1, 2]);
  });

  it('ends a stream with its file where files do not continue one another', () => {
    const { windows, source } = buildWindows(trace, { ...home, size: 10, stride: 10, separateFiles: true });
    expect([...source]).toEqual([0, 1, 2, 3, 4]);
    expect([...windows.start]).toEqual([0, 2]);
    expect([...windows.count]).toEqual([2, 3]);
    expect([...windows.packets.interval]).toEqual([0, 1, 0, 2, 4]);
  });
});

it('shows the literal destination port on request', () => {
  const trace = makeTrace([
    { time: 0, direction: 1 },
    { time: 1, direction: 0 },
  ]);
  expect([...buildWindows(trace, home).windows.packets.port]).toEqual([443, 443]);
  expect([...buildWindows(trace, { ...home, port: 'destination' }).windows.packets.port]).toEqual([443, 50000]);
});

describe('labels', () => {
  const trace = makeTrace([
    { time: 0, device: 2 },
    { time: 1, device: 0, cover: 1 },
    { time: 2, device: NO_DEVICE, cover: 1 },
    { time: 3, device: 1 },
  ]);

  it('keeps cover without a class, but in the windows, where there was none to learn of', () => {
    const { windows } = buildWindows(trace, { ...home, classes: ['c', 'a'] });
    expect([...windows.label]).toEqual([0, NO_CLASS, NO_CLASS, NO_CLASS]);
    expect(windows.classes).toEqual(['c', 'a']);
    expect(windows.packets.rows).toBe(4);
  });

  it('gives cover the last class on request', () => {
    const { windows } = buildWindows(trace, { ...home, coverClass: true });
    expect([...windows.label]).toEqual([2, 3, 3, 1]);
    expect(windows.classes).toEqual(['a', 'b', 'c', 'cover']);
  });

  it('shows no truth where no classes are given', () => {
    const { windows } = buildWindows(trace, { ...home, classes: undefined });
    expect([...windows.label]).toEqual([NO_CLASS, NO_CLASS, NO_CLASS, NO_CLASS]);
  });

  it('goes by the names of devices, not by their order in a trace', () => {
    const other = makeTrace([{ time: 0, device: 0 }], { devices: ['c'] });
    expect([...labelPackets(other, Uint32Array.of(0), classes)]).toEqual([2]);
  });

  it('refuses a device called cover beside a class for cover', () => {
    expect(() => labelPackets(trace, Uint32Array.of(0), ['cover'], true)).toThrow('device "cover"');
  });
});

it('refuses sizes and strides out of range', () => {
  const trace = makeTrace([{ time: 0 }]);
  expect(() => buildWindows(trace, { ...home, size: 0 })).toThrow('window size');
  expect(() => buildWindows(trace, { ...home, size: 65536 })).toThrow('window size');
  expect(() => buildWindows(trace, { ...home, stride: 0.5 })).toThrow('window stride');
});

const packets = fc.array(
  fc.record({
    time: fc.integer({ min: 0, max: 50 }),
    device: fc.constantFrom(0, 1, 2, NO_DEVICE),
    file: fc.nat({ max: 2 }),
  }),
  { maxLength: 60 },
);

it('puts each packet in exactly one window when the stride is the size, and no window crosses streams', () => {
  fc.assert(
    fc.property(packets, fc.integer({ min: 1, max: 9 }), fc.boolean(), (rows, size, separateFiles) => {
      const trace = makeTrace(rows, { files: ['x', 'y', 'z'] });
      const { windows, source } = buildWindows(trace, { ...home, size, stride: size, mix: 'single', separateFiles });
      expect([...source].sort((a, b) => a - b)).toEqual([...trace.time.keys()]);
      const seen = new Uint8Array(trace.packets);
      for (let w = 0; w < windows.start.length; w++) {
        const inWindow = source.subarray(windows.start[w]!, windows.start[w]! + windows.count[w]!);
        expect(new Set([...inWindow].map((packet) => trace.device[packet]!)).size).toBe(1);
        if (separateFiles) expect(new Set([...inWindow].map((packet) => trace.file[packet]!)).size).toBe(1);
        expect([...inWindow]).toEqual([...inWindow].sort((a, b) => a - b));
        for (const packet of inWindow) seen[packet]!++;
      }
      expect([...seen].every((times) => times === 1)).toBe(true);
    }),
  );
});

it('covers every packet with overlapping windows, each full but a stream’s last', () => {
  fc.assert(
    fc.property(packets, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (rows, size, stride) => {
      fc.pre(stride <= size);
      const { windows } = buildWindows(makeTrace(rows), { ...home, size, stride });
      expect(rowsInWindows(windows).length).toBe(rows.length);
      expect([...windows.count.subarray(0, -1)].every((count) => count === size)).toBe(true);
    }),
  );
});

it('thins to evenly spaced windows within the packets allowed', () => {
  const { windows } = buildWindows(makeTrace(Array.from({ length: 100 }, (_, time) => ({ time }))), {
    ...home,
    size: 10,
    stride: 10,
  });
  expect([...thinWindows(windows, 35).start]).toEqual([0, 30, 60]);
  expect(rowsInWindows(thinWindows(windows, 35)).length).toBe(30);
  expect(thinWindows(windows, 100)).toBe(windows);
  expect([...thinWindows(windows, 1).start]).toEqual([0]);
});
