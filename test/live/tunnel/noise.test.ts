import { createCipheriv, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { initiate, MESSAGE_OVERHEAD, readInitiation } from '../../../src/live/tunnel/noise.js';

const hex = (text: string) => Buffer.from(text, 'hex');

/** Key pair with 32 given private bytes (RFC 8410). */
function keyPairOf(bytes: Uint8Array) {
  const key = Buffer.concat([hex('302e020100300506032b656e04220420'), bytes]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s of vectors/cacophony.txt in haskell-cryptography/cacophony, an implementation in Haskell. */
const VECTOR = {
  prologue: hex('4a6f686e2047616c74'),
  psk: hex('54686973206973206d7920417573747269616e20706572737065637469766521'),
  initiator: hex('893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a'),
  responder: hex('bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b'),
  messages: [
    [
      '4c756477696720766f6e204d69736573',
      'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944fda936bec35a8adfdff198386f7d5475880897edaaf7495314c99095a2e4d66a',
    ],
    [
      '4d757272617920526f746862617264',
      '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088434cd2a371993ba41ea11448024fca32766b169183c9e691a7a433279da7e729',
    ],
    ['462e20412e20486179656b', 'bc44da303ae0beb08075fc4eb4e58235c67c2d1f53a4f2fff0bca7'],
    ['4361726c204d656e676572', '416d1af83e9fa6966ce4e871156b131aa9bd7e9a1d6f8794f4872a'],
    ['4a65616e2d426170746973746520536179', '8a7d81b77bcc6c072f2b807da066efba6b5fab9edf71a7faceb2c8454b0cfef608'],
    [
      '457567656e2042f6686d20766f6e2042617765726b',
      '1e2ee010f72894824a25a867664ff298f2548a145dc4e9d27b1cad83f32fa7c54d69dc3279',
    ],
  ].map(([payload, text]) => ({ payload: hex(payload!), text: text! })),
};

test('both sides write and read the messages of a published test vector, and derive its transport keys', () => {
  const { prologue, psk, messages } = VECTOR;
  const initiation = initiate(psk, prologue, messages[0]!.payload, keyPairOf(VECTOR.initiator));
  expect(initiation.message.toString('hex')).toBe(messages[0]!.text);
  const received = readInitiation(psk, prologue, initiation.message)!;
  expect(received.payload).toEqual(messages[0]!.payload);
  const response = received.respond(messages[1]!.payload, keyPairOf(VECTOR.responder))!;
  expect(response.message.toString('hex')).toBe(messages[1]!.text);
  const finished = initiation.finish(response.message)!;
  expect(finished.payload).toEqual(messages[1]!.payload);
  const [home, far] = [finished.established, response.established];
  expect([home.send, home.receive, home.hash]).toEqual([far.receive, far.send, far.hash]);
  // Transport messages alternate, the initiator first: each direction counts its own from 0.
  for (const [i, { payload, text }] of messages.slice(2).entries()) {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32LE(Math.floor(i / 2), 4);
    const cipher = createCipheriv('chacha20-poly1305', (i % 2 === 0 ? home : far).send, nonce, { authTagLength: 16 });
    expect(Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]).toString('hex')).toBe(text);
  }
});

test('a changed bit, a missing byte, another key and another prologue are refused on both sides', () => {
  const [psk, prologue, payload] = [randomBytes(32), Buffer.from('a'), Buffer.from('payload')];
  const initiation = initiate(psk, prologue, payload);
  const { message } = readInitiation(psk, prologue, initiation.message)!.respond(payload)!;
  const changes = (whole: Buffer) => [
    ...Array.from({ length: whole.length }, (_, i) => {
      const changed = Buffer.from(whole);
      changed[i]! ^= 1 << (i % 8);
      return changed;
    }),
    ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
    Buffer.concat([whole, Buffer.of(0)]),
  ];
  for (const changed of changes(initiation.message)) expect(readInitiation(psk, prologue, changed)).toBeNull();
  for (const changed of changes(message)) expect(initiation.finish(changed)).toBeNull();
  expect(readInitiation(randomBytes(32), prologue, initiation.message)).toBeNull();
  expect(readInitiation(psk, Buffer.from('b'), initiation.message)).toBeNull();
  // A wrong response leaves the right one its chance.
  expect(initiation.finish(message)?.payload).toEqual(payload);
});

test('a response to one initiation finishes no other, and no two handshakes have a key in common', () => {
  const [psk, nothing] = [randomBytes(32), Buffer.alloc(0)];
  const [first, second] = [initiate(psk, nothing, nothing), initiate(psk, nothing, nothing)];
  const response = readInitiation(psk, nothing, first.message)!.respond(nothing)!;
  expect(second.finish(response.message)).toBeNull();
  const again = readInitiation(psk, nothing, first.message)!.respond(nothing)!;
  expect(again.established.send).not.toEqual(response.established.send);
  expect(first.message.length).toBe(MESSAGE_OVERHEAD);
});

test('an initiation whose public key leads to a secret of zeros is not answered', () => {
  const [psk, nothing] = [randomBytes(32), Buffer.alloc(0)];
  const worthless = createPublicKey({
    key: hex(`302a300506032b656e032100${'00'.repeat(32)}`),
    format: 'der',
    type: 'spki',
  });
  const { message } = initiate(psk, nothing, nothing, { ...keyPairOf(randomBytes(32)), publicKey: worthless });
  expect(readInitiation(psk, nothing, message)!.respond(nothing)).toBeNull();
});
