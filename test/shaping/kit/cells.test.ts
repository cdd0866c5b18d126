import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type CellClock, type CellQueue, createCellTunnel } from '../../../src/shaping/kit/cells.js';
import { encapsulationOf, flowOfTunnel } from '../../../src/shaping/kit/tunnel.js';
import { defineDefense } from '../../../src/shaping/shaper.js';
import { shape } from '../../../src/shaping/simulate.js';
import { createRng } from '../../../src/shared/rng.js';
import { NO_DEVICE, Protocol } from '../../../src/trace/trace.js';
import { carriedBy, makeTrace, type Packet } from '../../support/traces.js';

const CELL = 256;
// openvpn: Ethernet 14, IPv4 20, UDP 8, opcode, peer, packet id and tag 24; in the cell its header of 4.
const FRAME = 14 + 52 + CELL;
const ROOM = CELL - 4;

/** A cell in each direction every second, from the first packet on. */
function everySecond(packets: Packet[], limit = Number.POSITIVE_INFINITY) {
  const encapsulation = encapsulationOf({ tunnel: 'openvpn', mtu: CELL });
  const clock = (start: number, queue: CellQueue): CellClock => ({
    next: start,
    tick(link) {
      queue.send(link, CELL);
      this.next += 1;
    },
  });
  const defense = defineDefense({
    name: 'probe',
    summary: 'For tests.',
    source: 'this file',
    scope: 'home',
    removedAt: 'tunnel end',
    parameters: z.object({}),
    tunnel: () => flowOfTunnel({ tunnel: 'openvpn' }),
    create: () => createCellTunnel(encapsulation, limit, (_, start, queue) => clock(start, queue)),
  });
  return shape(makeTrace(packets), defense, {}, { rng: createRng(1) });
}

/** The contents of each frame of one direction. */
function cells(defended: ReturnType<typeof everySecond>, way: 0 | 1) {
  const { direction, packets } = defended.trace;
  return Array.from({ length: packets }, (_, frame) => frame)
    .filter((frame) => direction[frame] === way)
    .map((frame) => carriedBy(defended, frame));
}

test('packets of several devices share a cell, which belongs to the one with most bytes', () => {
  const defended = everySecond([
    { time: 0, length: 14 + 60, device: 0 },
    { time: 0.1, length: 14 + 100, device: 0 },
    { time: 0.2, length: 14 + 110, device: 1, flow: 1 },
    { time: 0.3, length: 14 + 20, device: 0, flow: 2 },
  ]);
  const { trace, delivered } = defended;
  expect(cells(defended, 1)).toEqual([
    [[0, 74]],
    [
      [1, 114],
      [2, 124],
      [3, 34],
    ],
  ]);
  expect(cells(defended, 0)).toEqual([[], []]);
  expect([...trace.time]).toEqual([0, 0, 1, 1]);
  expect([...trace.direction]).toEqual([0, 1, 0, 1]);
  expect(new Set(trace.length)).toEqual(new Set([FRAME]));
  expect([...trace.cover]).toEqual([1, 0, 1, 0]);
  // 114 + 34 bytes of device 0, 124 of device 1.
  expect([...trace.device]).toEqual([NO_DEVICE, 0, NO_DEVICE, 0]);
  expect([...delivered]).toEqual([0, 1, 1, 1]);
});

test('of two devices with as many bytes the first in the cell has it', () => {
  const { trace } = everySecond([
    { time: 0, length: 60 },
    { time: 0.1, length: 14 + 100, device: 1 },
    { time: 0.2, length: 14 + 100, device: 0 },
  ]);
  expect(trace.device[3]).toBe(1);
});

test('a packet is cut where the cell ends, and delivered with its last byte; its link header is in the first part', () => {
  const inner = 2 * ROOM + 50;
  const defended = everySecond([
    { time: 0, length: 60 },
    { time: 0.1, length: 14 + inner },
    { time: 0.2, length: 14 + ROOM, device: 1 },
  ]);
  expect(cells(defended, 1)).toEqual([
    [[0, 60]],
    [[1, 14 + ROOM]],
    [[1, ROOM]],
    [
      [1, 50],
      [2, 14 + ROOM - 50],
    ],
    [[2, 50]],
  ]);
  expect([...defended.delivered]).toEqual([0, 3, 4]);
  expect(defended.trace.device[7]).toBe(1);
});

test('a packet that fills a cell to the last byte leaves nothing for the next', () => {
  const defended = everySecond([
    { time: 0, length: 14 + ROOM },
    { time: 0.5, length: 14 + ROOM },
  ]);
  expect(cells(defended, 1)).toEqual([[[0, 14 + ROOM]], [[1, 14 + ROOM]]]);
});

describe('what comes in', () => {
  test('is dropped where it has no IP', () => {
    const defended = everySecond([
      { time: 0, length: 60, protocols: Protocol.OTHER },
      { time: 0.5, length: 60 },
    ]);
    expect(cells(defended, 1)).toEqual([[], [[1, 60]]]);
    expect(defended.dropped).toBe(1);
  });

  test('is dropped where it would make more wait than the limit, in its direction alone', () => {
    const defended = everySecond(
      [
        { time: 0, length: 14 + 20 },
        { time: 0.1, length: 14 + 200 },
        { time: 0.2, length: 14 + 101 },
        { time: 0.3, length: 14 + 100 },
        { time: 0.4, length: 14 + 300, out: false },
      ],
      300,
    );
    expect(defended.dropped).toBe(1);
    expect([...defended.delivered]).toEqual([0, 1, Number.NaN, 2, 2]);
  });
});

test('both directions go on until nothing waits in either, and no longer', () => {
  const { trace } = everySecond([
    { time: 0, length: 60 },
    { time: 2.5, length: 14 + 3 * ROOM, out: false },
  ]);
  expect([...trace.time]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
});
