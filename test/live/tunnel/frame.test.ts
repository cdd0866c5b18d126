import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  fitFrame,
  OVERHEAD,
  readRecords,
  type Segment,
  SMALLEST_FRAME,
  writeRecords,
} from '../../../src/live/tunnel/frame.js';
import { createReassembly } from '../../../src/live/tunnel/reassembly.js';

const MTU_FRAME = 1514;

/** Bytes that tell a datagram and a place in it apart from others. */
const payload = (number: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (number * 31 + i * 7) & 255));

const whole = (number: number, length: number): Segment => ({
  datagram: { number, payload: payload(number, length) },
  offset: 0,
  bytes: length,
});

/** The plaintexts of the frames that a planned frame becomes, and their lengths. */
function frames(planned: number, segments: readonly Segment[], largest = MTU_FRAME) {
  const made: { length: number; plaintext: Buffer }[] = [];
  fitFrame(planned, segments, largest, (length, some) => {
    const plaintext = Buffer.alloc(length - SMALLEST_FRAME, 0xff);
    writeRecords(plaintext, some);
    made.push({ length, plaintext });
  });
  return made;
}

test('a frame is as long as planned where what it carries fits', () => {
  expect(frames(800, [whole(1, 700)]).map(({ length }) => length)).toEqual([800]);
  expect(frames(800, []).map(({ length }) => length)).toEqual([800]);
  expect(frames(OVERHEAD + 700, [whole(1, 700)]).map(({ length }) => length)).toEqual([OVERHEAD + 700]);
});

test('one that is planned too short is as long as it must be', () => {
  expect(frames(60, []).map(({ length }) => length)).toEqual([SMALLEST_FRAME]);
  expect(frames(60, [whole(1, 700)]).map(({ length }) => length)).toEqual([OVERHEAD + 700]);
});

test('one that is planned over the MTU is cut, by hand: 1514 carry 1432 bytes, 82 + 68 the rest', () => {
  expect(frames(1582, [whole(1, 1500)]).map(({ length }) => length)).toEqual([1514, OVERHEAD + 68]);
  // The first frame takes 1440 of the 3000 bytes, and the 74 bytes of headers come again.
  expect(frames(3000, []).map(({ length }) => length)).toEqual([1514, 1514, 3000 - 2 * 1440]);
});

const anyDatagrams = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 12 });

test('through loss and any order come all datagrams but those of which a frame was lost, each once and unchanged', () => {
  fc.assert(
    fc.property(
      anyDatagrams,
      fc.integer({ min: 200, max: MTU_FRAME }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 300, maxLength: 300 }),
      fc.double({ min: 0, max: 0.6, noNaN: true }),
      (lengths, largest, chance, loss) => {
        const sent = lengths.map((length, number) => whole(number, length));
        // Two datagrams share each planned frame.
        const pairs = sent.filter((_, i) => i % 2 === 0).map((one, i) => [one, ...sent.slice(2 * i + 1, 2 * i + 2)]);
        const made = pairs.flatMap((pair) => frames(0, pair, largest));
        expect(Math.max(...made.map(({ length }) => length))).toBeLessThanOrEqual(largest);
        const numbered = made.map((frame, i) => ({
          ...frame,
          key: chance[(i * 7) % 300]!,
          isLost: chance[i % 300]! < loss,
        }));
        const hurt = new Set(
          numbered
            .filter(({ isLost }) => isLost)
            .flatMap(({ plaintext }) => readRecords(plaintext)!.map(({ number }) => number)),
        );
        const reassembly = createReassembly();
        const came = new Map<number, Buffer>();
        for (const { plaintext } of numbered.filter(({ isLost }) => !isLost).sort((a, b) => a.key - b.key)) {
          for (const record of readRecords(plaintext)!) {
            const datagram = reassembly.add(record);
            if (!datagram) continue;
            expect(came.has(record.number)).toBe(false);
            came.set(record.number, datagram);
          }
        }
        expect([...came.keys()].sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i).filter((i) => !hurt.has(i)));
        for (const [number, datagram] of came) expect(datagram.equals(payload(number, lengths[number]!))).toBe(true);
      },
    ),
  );
});

test('whatever a plaintext is, it is read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { offset, bytes: part } of readRecords(Buffer.from(bytes)) ?? []) {
        expect(part.length).toBeGreaterThan(0);
        expect(offset + part.length).toBeLessThanOrEqual(65_507);
      }
    }),
  );
});

test('parts of datagrams that never become whole are given up, the oldest first, and counted', () => {
  const reassembly = createReassembly();
  const part = (number: number, isLast: boolean) => ({
    number,
    offset: isLast ? 1 : 0,
    bytes: Buffer.of(number & 255),
    isLast,
  });
  for (let number = 0; number < 300; number++) expect(reassembly.add(part(number, false))).toBeNull();
  expect(reassembly.incomplete).toBe(44);
  expect(reassembly.add(part(0, true))).toBeNull();
  expect(reassembly.add(part(299, true))).toEqual(Buffer.of(299 & 255, 299 & 255));
});
