import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createQueue, framesFor, type PacketQueue } from '../../../src/shaping/kit/queue.js';
import type { Link, PacketRef } from '../../../src/shaping/shaper.js';
import { shape } from '../../../src/shaping/simulate.js';
import { createRng } from '../../../src/shared/rng.js';
import { probe } from '../../support/probe.js';
import { anyTrace, carriedBy, makeTrace } from '../../support/traces.js';

/** Runs packets through one queue, which is emptied, or told to empty, by `drain` as each has arrived. */
function through(trace: ReturnType<typeof makeTrace>, drain: (queue: PacketQueue, link: Link, p: PacketRef) => void) {
  const emptied = probe(() => {
    const queue = createQueue();
    return {
      packet(p, link) {
        queue.push(p, link.now);
        drain(queue, link, p);
      },
    };
  });
  return shape(trace, emptied, {}, { rng: createRng(1) });
}

const sendAll =
  (wireBytes?: number) =>
  (queue: PacketQueue, link: Link): void => {
    while (queue.send(link, wireBytes));
  };

test('a short packet is padded, a long one leaves in parts that repeat link and IP header', () => {
  const trace = makeTrace([
    { time: 0, length: 60 },
    { time: 1, length: 1000 },
  ]);
  const defended = through(trace, sendAll(500));
  // 500 of the first part, then 500 - 14 - 20 = 466 a part: 500 + 466 + 34.
  expect([...defended.trace.length]).toEqual([500, 500, 500, 500]);
  expect([0, 1, 2, 3].map((frame) => carriedBy(defended, frame))).toEqual([
    [[0, 60]],
    [[1, 500]],
    [[1, 466]],
    [[1, 34]],
  ]);
});

test('frames too small for the headers still carry a byte each', () => {
  const defended = through(makeTrace([{ time: 0, length: 40 }]), sendAll(34));
  expect(defended.trace.packets).toBe(7);
});

test('without a size each packet leaves as it is', () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      expect([...through(trace, sendAll()).trace.length]).toEqual([...trace.length]);
    }),
  );
});

test('the number of frames of each packet is known beforehand', () => {
  fc.assert(
    fc.property(anyTrace, fc.integer({ min: 1, max: 1514 }), (trace, size) => {
      through(trace, (queue, link, p) => {
        let frames = 0;
        while (queue.send(link, size)) frames++;
        expect(frames).toBe(framesFor(p, size));
      });
    }),
    { numRuns: 30 },
  );
});

test('packets, bytes and the arrival of the first that waits are those of what waits', () => {
  const trace = makeTrace(Array.from({ length: 200 }, (_, i) => ({ time: i, length: 100 + i })));
  const seen: number[][] = [];
  through(trace, (queue, link, p) => {
    if (p.id % 50 === 49) for (let i = 0; i < 45; i++) queue.send(link, 1514);
    seen.push([queue.packets, queue.bytes, queue.since]);
    if (p.id === 199) while (queue.send(link, 200));
  });
  // After packet i: 45 have left for each 50 that came, the oldest first.
  for (const [i, [packets, bytes, since]] of seen.entries()) {
    const left = 45 * Math.floor((i + 1) / 50);
    expect(packets).toBe(i + 1 - left);
    expect(bytes).toBe(Array.from({ length: i + 1 - left }, (_, j) => 100 + left + j).reduce((a, b) => a + b, 0));
    expect(since).toBe(left);
  }
});

test('an empty queue sends nothing and waits since never', () => {
  through(makeTrace([{ time: 0, length: 60 }]), (queue, link) => {
    expect(queue.send(link, 100)).toBe(true);
    expect(queue.send(link, 100)).toBe(false);
    expect([queue.packets, queue.bytes, queue.since]).toEqual([0, 0, Number.POSITIVE_INFINITY]);
  });
});
