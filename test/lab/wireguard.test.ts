import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isData, matchPackets } from '../../src/lab/wireguard.js';

/** Length of the datagram that carries a packet: padded to 16 bytes, never beyond the MTU (wireguard-go, device/send.go). */
const MTU = 1420;
const datagramOf = (inner: number) => 32 + Math.min(Math.ceil(inner / 16) * 16, Math.max(inner, MTU));

test('a datagram carries data where it is of type 4 and longer than its headers', () => {
  const head = (type: number) => Uint8Array.of(type, 0, 0, 0);
  expect([isData(head(4), 96), isData(head(4), 32), isData(head(1), 148), isData(head(2), 92)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test('padding is less than 16 bytes', () => {
  expect([80, 79, 65, 64, 81].map((inner) => matchPackets([112], [inner])[0])).toEqual([0, 0, 0, -1, -1]);
});

test('each datagram takes the next packet that it may carry', () => {
  // The second packet, of 100 bytes (144 in a datagram), was lost; a datagram of 500 has no packet.
  expect([...matchPackets([96, 500, 1452, 96], [60, 100, 1420, 52])]).toEqual([0, -1, 2, 3]);
});

const lengths = fc.array(fc.integer({ min: 20, max: MTU }), { maxLength: 200 });

test('where nothing is lost every packet is found', () => {
  fc.assert(
    fc.property(lengths, (inner) => {
      expect([...matchPackets(inner.map(datagramOf), inner)]).toEqual([...inner.keys()]);
    }),
  );
});

test('whatever is lost, every datagram is given a packet that it may carry, in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ inner: fc.integer({ min: 20, max: MTU }), isLost: fc.boolean() }), { maxLength: 200 }),
      (packets) => {
        const inner = packets.map((packet) => packet.inner);
        const sent = packets.filter(({ isLost }) => !isLost).map((packet) => datagramOf(packet.inner));
        const found = [...matchPackets(sent, inner)];
        for (const [i, packet] of found.entries()) {
          expect(packet).toBeGreaterThan(found[i - 1] ?? -1);
          const padding = sent[i]! - 32 - inner[packet]!;
          expect(padding).toBeGreaterThanOrEqual(0);
          expect(padding).toBeLessThan(16);
        }
      },
    ),
  );
});

test('packets of lengths that differ are found again behind a loss', () => {
  const inner = Array.from({ length: 60 }, (_, i) => 40 + 16 * i);
  const kept = inner.map((_, i) => i).filter((i) => i % 7 !== 3);
  expect([
    ...matchPackets(
      kept.map((i) => datagramOf(inner[i]!)),
      inner,
    ),
  ]).toEqual(kept);
});
