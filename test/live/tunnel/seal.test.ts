import { createDecipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReplayWindow } from '../../../src/live/tunnel/replay.js';
import {
  countNumber,
  countOf,
  createSeals,
  createVersionOneReader,
  randomNumber,
  sessionName,
  VERSION,
  versionOf,
} from '../../../src/live/tunnel/seal.js';
import { derive, sealVersionOne } from '../../support/version-one.js';

/** Counters that a replay window tells apart: 63 blocks of 32. */
const WINDOW = 2016;

const secret = randomBytes(32);
const session = { name: sessionName(randomBytes(32)), key: randomBytes(32) };
const sealed = (text: string, count = 0, direction: 0 | 1 = 1) =>
  Buffer.concat(createSeals(secret, direction).seal(session, countNumber(count), Buffer.from(text)));

test('a datagram is as documented: an independent reading of the format opens it', () => {
  const datagram = sealed('a datagram', 0x0102_0304);
  const block = createDecipheriv('aes-256-ecb', derive(secret, 'outbound prefix'), null).setAutoPadding(false);
  const prefix = block.update(datagram.subarray(0, 16));
  expect(prefix.subarray(0, 8)).toEqual(session.name);
  expect(prefix.subarray(8).toString('hex')).toBe('0000000001020304');
  const nonce = Buffer.concat([Buffer.alloc(4), prefix.subarray(8)]);
  const decipher = createDecipheriv('chacha20-poly1305', session.key, nonce, { authTagLength: 16 });
  decipher.setAAD(datagram.subarray(0, 16), { plaintextLength: 10 });
  decipher.setAuthTag(datagram.subarray(-16));
  expect(decipher.update(datagram.subarray(16, -16)).toString()).toBe('a datagram');
  decipher.final();
});

test('the name of a handshake says the version, under a key that follows from the secret', () => {
  const seals = createSeals(secret, 0);
  const datagram = Buffer.concat(seals.seal(seals.handshake, randomNumber(), Buffer.from('hello')));
  const block = createDecipheriv('aes-256-ecb', derive(secret, 'inbound prefix'), null).setAutoPadding(false);
  expect(block.update(datagram.subarray(0, 16)).subarray(0, 8).toString('hex')).toBe('0000000000000002');
  expect(seals.handshake.key).toEqual(derive(secret, 'inbound handshake 2'));
  expect([versionOf(seals.handshake.name), versionOf(session.name)]).toEqual([VERSION, null]);
});

test('what was sealed for one direction, or with another secret, has no name that is known in the other', () => {
  const datagram = sealed('a datagram');
  expect(createSeals(secret, 1).readPrefix(datagram)!.name).toEqual(session.name);
  expect(createSeals(secret, 0).readPrefix(datagram)!.name).not.toEqual(session.name);
  expect(createSeals(randomBytes(32), 1).readPrefix(datagram)!.name).not.toEqual(session.name);
  expect(createSeals(secret, 1).readPrefix(datagram.subarray(0, 31))).toBeNull();
});

test('numbers of datagrams reach to 2^48, and no others are taken for them', () => {
  for (const count of [0, 1, 2 ** 32, 2 ** 48 - 1]) expect(countOf(countNumber(count))).toBe(count);
  expect(countOf(Buffer.from('0001000000000000', 'hex'))).toBeNull();
});

test('a datagram of version 1, by a holder of the key, is told from chance', () => {
  const datagram = sealVersionOne(secret, 'data');
  const isVersionOne = createVersionOneReader(secret, 1);
  expect(isVersionOne(datagram)).toBe(true);
  expect(createVersionOneReader(secret, 0)(datagram)).toBe(false);
  datagram[20]! ^= 1;
  expect(isVersionOne(datagram)).toBe(false);
  expect(isVersionOne(randomBytes(36))).toBe(false);
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

test('cover, which is all zeros, and handshakes look like chance: every byte is as frequent as every other', () => {
  const seals = createSeals(secret, 0);
  const zeros = Buffer.alloc(1000);
  const count = new Float64Array(256);
  const prefixes = new Set<string>();
  const [covers, handshakes] = [200, 200];
  for (let i = 0; i < covers + handshakes; i++) {
    const key = i < covers ? session : seals.handshake;
    const datagram = Buffer.concat(seals.seal(key, i < covers ? countNumber(i) : randomNumber(), zeros));
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
