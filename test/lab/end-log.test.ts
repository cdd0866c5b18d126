import { expect, test } from 'vitest';
import { createEndLog, prefixNumber } from '../../src/lab/end-log.js';

const datagram = (number: number) => ({ number, payload: new Uint8Array(0) });

test('a log says what came in, and what each frame carried', () => {
  const log = createEndLog();
  log.taken(
    Uint8Array.from({ length: 96 }, (_, i) => (i === 0 ? 4 : 0)),
    7,
  );
  log.taken(
    Uint8Array.from({ length: 148 }, (_, i) => (i === 0 ? 1 : 0)),
    -1,
  );
  log.sent([{ datagram: datagram(7), offset: 0, bytes: 50 }], Uint8Array.of(0, 0, 0, 0, 1, 0, 9));
  log.sent([], Uint8Array.of(1, 0, 0, 0, 0, 0));
  log.sent(
    [
      { datagram: datagram(7), offset: 50, bytes: 46 },
      { datagram: datagram(8), offset: 0, bytes: 3 },
    ],
    Uint8Array.of(255, 255, 255, 255, 255, 255),
  );
  const columns = Object.fromEntries(Object.entries(log.columns()).map(([name, column]) => [name, [...column]]));
  expect(columns).toEqual({
    takenLength: [96, 148],
    takenIsData: [1, 0],
    takenNumber: [7, -1],
    sentPrefix: [256, 2 ** 40, 2 ** 48 - 1],
    sentEnd: [1, 1, 3],
    segmentNumber: [7, 7, 8],
    segmentOffset: [0, 50, 0],
    segmentBytes: [50, 46, 3],
  });
});

test('it grows as needed', () => {
  const log = createEndLog();
  for (let i = 0; i < 5000; i++) {
    log.taken(Uint8Array.of(4), i);
    log.sent([{ datagram: datagram(i), offset: i, bytes: 1 }], Uint8Array.of(0, 0, 0, 0, i >> 8, i & 255));
  }
  const { takenNumber, sentPrefix, sentEnd, segmentOffset } = log.columns();
  const all = Array.from({ length: 5000 }, (_, i) => i);
  expect([[...takenNumber], [...sentPrefix], [...segmentOffset]]).toEqual([all, all, all]);
  expect([...sentEnd]).toEqual(all.map((i) => i + 1));
});

test('two frames that differ in their first six bytes are told apart', () => {
  expect(prefixNumber(Uint8Array.of(0, 0, 0, 0, 0, 1))).not.toBe(prefixNumber(Uint8Array.of(0, 0, 0, 0, 0, 2)));
  expect(prefixNumber(Uint8Array.of(128, 0, 0, 0, 0, 1))).toBe(2 ** 47 + 1);
});
