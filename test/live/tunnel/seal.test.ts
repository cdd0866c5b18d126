import { createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReplayWindow, WINDOW } from '../../../src/live/tunnel/replay.js';
import { createOpener, createSealer, type Opened, type Refusal } from '../../../src/live/tunnel/seal.js';

const secret = randomBytes(32);
const bytesOf = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces);
const text = (result: Opened | Refusal) => (typeof result === 'string' ? result : result.plaintext.toString());

/** One end after another, started at these times. */
function sealerAt(time: number, direction: 0 | 1 = 1) {
  const sealer = createSealer(secret, direction, { clock: () => time });
  return (content: string) => bytesOf(sealer.seal(Buffer.from(content)));
}

test('what is sealed is opened, by who has the secret, in its own direction', () => {
  const datagram = sealerAt(5)('a datagram');
  expect(text(createOpener(secret, 1).open(datagram))).toBe('a datagram');
  expect(text(createOpener(secret, 0).open(datagram))).toBe('forged');
  expect(text(createOpener(randomBytes(32), 1).open(datagram))).toBe('forged');
});

test('a datagram is as documented: an independent reading of the format opens it', () => {
  // HKDF of RFC 5869 by its two steps, an extract with an empty salt and an expand of one block.
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const derive = (purpose: string, context: Buffer = Buffer.alloc(0)) =>
    createHmac('sha256', extracted)
      .update(Buffer.concat([Buffer.from(`homeveil tunnel 1 outbound ${purpose}`), context, Buffer.of(1)]))
      .digest();
  const seal = sealerAt(0x0123_4567_89ab);
  seal('first');
  const second = seal('second');
  const block = createDecipheriv('aes-256-ecb', derive('prefix'), null).setAutoPadding(false);
  const prefix = block.update(second.subarray(0, 16));
  expect(prefix.subarray(0, 6).toString('hex')).toBe('0123456789ab');
  expect(prefix.subarray(11).toString('hex')).toBe('0000000001');
  const nonce = Buffer.concat([Buffer.alloc(7), prefix.subarray(11)]);
  const decipher = createDecipheriv('chacha20-poly1305', derive('session', prefix.subarray(0, 11)), nonce, {
    authTagLength: 16,
  });
  decipher.setAAD(second.subarray(0, 16), { plaintextLength: 6 });
  decipher.setAuthTag(second.subarray(-16));
  expect(decipher.update(second.subarray(16, -16)).toString()).toBe('second');
  decipher.final();
});

test('a changed byte, wherever it is, and a missing one are refused, and change nothing', () => {
  const seal = sealerAt(5);
  const opener = createOpener(secret, 1);
  opener.open(seal('the session is known'));
  const datagram = seal('a datagram');
  for (let i = 0; i < datagram.length; i++) {
    const changed = Buffer.from(datagram);
    changed[i]! ^= 1 << (i % 8);
    expect(['forged', 'stale', 'replayed']).toContain(text(opener.open(changed)));
  }
  for (let length = 0; length < datagram.length; length++) {
    expect(['short', 'forged']).toContain(text(opener.open(datagram.subarray(0, length))));
  }
  expect(text(opener.open(datagram))).toBe('a datagram');
});

test('in whatever order datagrams come, each is opened once; one that is too late is not', () => {
  const seal = sealerAt(5);
  const opener = createOpener(secret, 1);
  const datagrams = Array.from({ length: WINDOW + 2 }, (_, i) => seal(String(i)));
  const last = datagrams.pop()!;
  const isNewest = (result: Opened | Refusal) => typeof result !== 'string' && result.isNewest;
  const results = [3, 1, 2].map((i) => opener.open(datagrams[i]!));
  expect(results.map(text)).toEqual(['3', '1', '2']);
  expect(results.map(isNewest)).toEqual([true, false, false]);
  for (const i of [1, 2, 3]) expect(text(opener.open(datagrams[i]!))).toBe('replayed');
  expect(text(opener.open(last))).toBe(String(WINDOW + 1));
  // 0 and 1 are WINDOW and more behind the last, 4 is not.
  for (const [i, expected] of [
    [0, 'replayed'],
    [1, 'replayed'],
    [4, '4'],
    [4, 'replayed'],
  ] as const)
    expect(text(opener.open(datagrams[i]!))).toBe(expected);
});

test('the window tells new from old as a set of all counters would, as far as it reaches', () => {
  const step = fc.oneof(fc.integer({ min: -2100, max: 40 }), fc.integer({ min: -5, max: 5000 }));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.array(step, { maxLength: 200 }), (start, steps) => {
      const window = createReplayWindow();
      const seen = new Set<number>();
      let highest = -1;
      for (const delta of [0, ...steps]) {
        const counter = Math.max(0, (highest < 0 ? start : highest) + delta);
        const isNew = !seen.has(counter) && counter > highest - WINDOW;
        expect(window.isNew(counter)).toBe(isNew);
        if (!isNew) continue;
        expect(window.accept(counter)).toBe(counter > highest);
        seen.add(counter);
        highest = Math.max(highest, counter);
      }
    }),
  );
});

test('an end that starts again is heard at once, and what was recorded of it before is not', () => {
  const opener = createOpener(secret, 1);
  const [before, after] = [sealerAt(1000), sealerAt(1001)];
  const recorded = [before('a'), before('b')];
  expect(text(opener.open(recorded[0]!))).toBe('a');
  const first = opener.open(after('c'));
  expect(first).toMatchObject({ isNewSession: true, isNewest: true });
  expect(text(opener.open(recorded[1]!))).toBe('stale');
  expect(text(opener.open(before('d')))).toBe('stale');
  expect(opener.open(after('e'))).toMatchObject({ isNewSession: false });
});

test('a forged datagram of a later time does not put an end to a session', () => {
  const opener = createOpener(secret, 1);
  const seal = sealerAt(1000);
  opener.open(seal('a'));
  const forged = sealerAt(2000)('b');
  forged[forged.length - 1]! ^= 1;
  expect(text(opener.open(forged))).toBe('forged');
  expect(text(opener.open(seal('c')))).toBe('c');
});

test('before its numbers run out a sealer begins another session', () => {
  const sealer = createSealer(secret, 1, { clock: () => 7, most: 3 });
  const opener = createOpener(secret, 1);
  const results = Array.from({ length: 7 }, (_, i) => opener.open(bytesOf(sealer.seal(Buffer.from(String(i))))));
  expect(results.map(text)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  expect(results.map((one) => typeof one !== 'string' && one.isNewSession)).toEqual(
    [0, 1, 2, 3, 4, 5, 6].map((i) => i % 3 === 0),
  );
});

test('cover, which is all zeros, looks like chance: every byte is as frequent as every other, and no prefix comes twice', () => {
  const sealer = createSealer(secret, 0);
  const zeros = Buffer.alloc(1000);
  const count = new Float64Array(256);
  const prefixes = new Set<string>();
  for (let i = 0; i < 400; i++) {
    const datagram = bytesOf(sealer.seal(zeros));
    expect(datagram.length).toBe(1032);
    prefixes.add(datagram.toString('hex', 0, 16));
    for (const byte of datagram) count[byte]!++;
  }
  expect(prefixes.size).toBe(400);
  const expected = (400 * 1032) / 256;
  const chiSquare = count.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: above 400 once in 10^8 (scipy.stats.chi2.sf).
  expect(chiSquare).toBeLessThan(400);
  // The 16 bytes of the prefixes alone, most of whose plaintext never changes.
  const first = new Set([...prefixes].map((one) => one.slice(0, 2)));
  expect(first.size).toBeGreaterThan(150);
});
