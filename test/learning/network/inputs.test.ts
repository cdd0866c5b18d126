import { describe, expect, it } from 'vitest';
import { directions, type Encoder, packetNumbers, trafficSlots } from '../../../src/learning/network/inputs.js';
import { sizeOf } from '../../../src/learning/network/layer.js';
import type { Windows } from '../../../src/learning/windows.js';

// Two windows: four packets, and two of which the first is the last of the other's.
const windows: Windows = {
  packets: {
    rows: 5,
    port: new Uint16Array(5),
    protocols: new Uint8Array(5),
    direction: Uint8Array.of(1, 0, 0, 1, 0),
    length: Float32Array.of(100, 1500, 300, 700, 66),
    interval: Float32Array.of(0, 0.5, 0.25, 2, 0.001),
  },
  start: Uint32Array.of(0, 3),
  count: Uint32Array.of(4, 2),
  size: 4,
  streamEnds: Uint32Array.of(5),
  time: Float64Array.of(10, 10.5, 10.75, 12.75, 12.751),
  classes: [],
  label: new Uint16Array(5),
};

function encode(encoder: Encoder, ...which: number[]): number[] {
  // Numbers of the step before, which have to go.
  const into = new Float32Array(which.length * sizeOf(encoder.input)).fill(7);
  encoder.of(windows)(Uint32Array.from(which), into);
  return [...into];
}

describe('inputs of a network', () => {
  it('are directions, cut and padded', () => {
    expect(encode(directions(3, false), 0, 1)).toEqual([1, -1, -1, 1, -1, 0]);
  });

  it('are directions times seconds since the window began', () => {
    const [timed, next] = [encode(directions(6, true), 0), encode(directions(2, true), 1)];
    expect(timed).toEqual([0, -0.5, -0.75, 2.75, 0, 0]);
    expect(next[1]).toBeCloseTo(-0.001, 9);
  });

  it('are packets and bytes in slots of time, from the home and to it', () => {
    // Three slots of a second; the packet after 2.75 s is in the last, as would be any later one.
    const slots = encode(trafficSlots(3, 3), 0);
    const expected = [
      [1, 1],
      [0, 0],
      [1, 7],
      [2, 18],
      [0, 0],
      [0, 0],
    ];
    expect(slots).toEqual([...Float32Array.from(expected.flat(), (value) => Math.log2(1 + value))]);
    const short = encode(trafficSlots(2, 1), 0);
    expect(short.map((value) => Math.round(2 ** value - 1))).toEqual([1, 1, 1, 7, 0, 0, 2, 18]);
  });

  it('are numbers of each packet', () => {
    const numbers = encode(packetNumbers(3), 1);
    const width = numbers.length / 3;
    expect(width).toBe(26);
    const [first, second, padding] = [0, 1, 2].map((i) => numbers.slice(i * width, (i + 1) * width)) as [
      number[],
      number[],
      number[],
    ];
    expect(first.slice(0, 3)).toEqual([1, 1, Math.fround(700 / 1500)]);
    expect(first[3]).toBeCloseTo((Math.log10(2) + 3) / 3, 5);
    expect(second.slice(0, 3)).toEqual([1, -1, Math.fround(66 / 1500)]);
    expect(second[3]).toBeCloseTo(0, 3);
    // 66 bytes are two past 64, half a turn of four bytes and a quarter of eight.
    expect(second.slice(4, 8).map((value) => Math.round(value) + 0)).toEqual([0, -1, 1, 0]);
    expect(padding).toEqual(new Array(width).fill(0));
  });
});
