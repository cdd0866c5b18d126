import { describe, expect, it } from 'vitest';
import { buildWindows } from '../../src/learning/build-windows.js';
import { neighbourColumns, windowColumns } from '../../src/learning/packet-context.js';
import { makeTrace } from '../support/make-trace.js';

/** Five packets, 1 s apart, in windows of three and two. */
const trace = makeTrace([100, 200, 300, 400, 500].map((length, i) => ({ time: i, length, direction: i % 2 })));
const { windows } = buildWindows(trace, { size: 3, stride: 3, mix: 'home', port: 'service' });
const rows = Uint32Array.of(0, 1, 2, 3, 4);
const valuesOf = (columns: ReturnType<typeof windowColumns>, name: string) => [
  ...columns.find((column) => column.name === name)!.values,
];

describe('the context of a packet', () => {
  it('is its neighbours in the same window, and zeros beyond it', () => {
    const columns = neighbourColumns(windows, rows, 2);
    expect(columns.length).toBe(25);
    expect(valuesOf(columns, 'length -1')).toEqual([0, 100, 200, 0, 400]);
    expect(valuesOf(columns, 'length')).toEqual([100, 200, 300, 400, 500]);
    expect(valuesOf(columns, 'length +2')).toEqual([300, 0, 0, 0, 0]);
    expect(valuesOf(columns, 'port +1')).toEqual([443, 443, 0, 443, 0]);
  });

  it('is of the packets that are asked for', () => {
    expect(valuesOf(neighbourColumns(windows, Uint32Array.of(4, 1), 1), 'length -1')).toEqual([400, 100]);
  });

  it('leaves the windows as they are', () => {
    const before = windows.packets.length.slice();
    neighbourColumns(windows, rows, 1);
    expect(windows.packets.length).toEqual(before);
  });

  it('is mean and deviation over the window', () => {
    const columns = windowColumns(windows, Uint32Array.of(1, 4));
    expect(valuesOf(columns, 'length')).toEqual([200, 500]);
    expect(valuesOf(columns, 'window mean length')).toEqual([200, 450]);
    // Population deviations of 100, 200, 300 and of 400, 500.
    const [first, second] = valuesOf(columns, 'window deviation of length');
    expect(first).toBeCloseTo(100 * Math.sqrt(2 / 3), 4);
    expect(second).toBe(50);
    expect(valuesOf(columns, 'window mean interval')[0]).toBeCloseTo(2 / 3, 6);
    expect(valuesOf(columns, 'window share outbound')[1]).toBeCloseTo(0.5, 6);
  });
});
