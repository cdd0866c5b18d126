import { expect, test } from 'vitest';
import { answersAround, timeStretches } from '../../src/learning/answers-around.js';
import { streamContext } from '../../src/learning/stream-context.js';
import { summarizeWindows } from '../../src/learning/window-summary.js';
import { makeOrderedWindows } from '../support/make-windows.js';

/** Four packets of one stream, then one of another. */
const windows = {
  ...makeOrderedWindows(1, 1, 5),
  packets: {
    rows: 5,
    port: Uint16Array.of(443, 443, 53, 443, 80),
    protocols: new Uint8Array(5).fill(3),
    direction: Uint8Array.of(1, 0, 1, 1, 0),
    length: Float32Array.of(100, 1500, 80, 100, 60),
    interval: Float32Array.of(0, 0.05, 0.5, 5, 0),
  },
  start: Uint32Array.of(0, 4),
  count: Uint32Array.of(4, 1),
  time: Float64Array.of(0, 0.05, 0.55, 5.55, 3),
  streamEnds: Uint32Array.of(4, 5),
};
const all = Uint32Array.of(0, 1, 2, 3, 4);

function valuesOf(columns: readonly { readonly name: string; readonly values: ArrayLike<number> }[], name: string) {
  return Array.from(columns.find((column) => column.name === name)!.values);
}

test('a window is summed up by direction', () => {
  const columns = summarizeWindows(windows);
  const of = (name: string) => valuesOf(columns, name)[0];
  expect(of('all: packets')).toBe(4);
  expect(of('outbound: packets')).toBe(3);
  expect(of('inbound: mean of length')).toBe(1500);
  expect(of('outbound: maximum of length')).toBe(100);
  expect(of('outbound: median of interval')).toBe(5);
  expect(of('all: minimum of interval')).toBeCloseTo(0.05, 6);
  expect(of('duration')).toBeCloseTo(5.55, 6);
  expect(of('outbound: share from 0 bytes')).toBe(0.25);
  expect(of('inbound: share from 1500 bytes')).toBe(0.25);
  expect(of('length 2')).toBe(-1500);
  expect(of('commonest port')).toBe(443);
  expect(of('ports')).toBe(2);
  expect(valuesOf(columns, 'all: mean of interval')).toEqual([expect.closeTo(1.85, 5), 0]);
});

test('a packet is seen among those of its stream, and of no other', () => {
  const columns = streamContext(windows, all);
  expect(valuesOf(columns, 'length -1')).toEqual([0, 100, 1500, 80, 0]);
  expect(valuesOf(columns, 'length +1')).toEqual([1500, 80, 100, 0, 0]);
  expect(valuesOf(columns, 'packets 1 s before')).toEqual([0, 1, 2, 0, 0]);
  expect(valuesOf(columns, 'packets 0.1 s after')).toEqual([1, 0, 0, 0, 0]);
  expect(valuesOf(columns, 'bytes 60 s after')).toEqual([1680, 180, 100, 0, 0]);
  expect(valuesOf(columns, 'share outbound 10 s before')).toEqual([0, 1, 0.5, expect.closeTo(2 / 3, 6), 0]);
  // The first and the last packet of the stream are the only ones alike.
  expect(valuesOf(columns, 'seconds to the 1. like it after')[0]).toBeCloseTo(5.55, 5);
  expect(valuesOf(columns, 'seconds to the 1. like it before')[3]).toBeCloseTo(5.55, 5);
  expect(valuesOf(columns, 'seconds to the 1. like it before')[1]).toBe(1e9);
});

test('answers are averaged over the time around, within a stream', () => {
  const answers = Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0, 1, 0);
  const columns = answersAround(answers, 2, windows, all);
  expect(valuesOf(columns, 'class 0')).toEqual([1, 0, 0, 1, 1]);
  expect(valuesOf(columns, 'class 0 within 0.1 s')).toEqual([0.5, 0.5, 0, 1, 1]);
  expect(valuesOf(columns, 'class 0 within 60 s')).toEqual([0.5, 0.5, 0.5, 0.5, 1]);
  expect(answersAround(new Float32Array(5 * 200), 200, windows, all)).toHaveLength(200);
});

test('stretches of time have about equally many packets', () => {
  expect([...timeStretches(windows, 2)]).toEqual([0, 0, 1, 1, 1]);
});
