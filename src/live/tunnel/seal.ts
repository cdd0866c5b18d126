import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Direction } from '../../trace/trace.js';
import { deriveKey } from './key.js';

/**
 * A datagram of the tunnel: prefix 16, ciphertext, tag 16.
 *
 * The prefix is one block under AES-256: the name of the key (8 bytes) and the number of the datagram under that key (8). No two
 * blocks are the same before encryption, so a permutation that nobody can tell from a random one makes them look like chance.
 * Nothing in a datagram says whether it is the first, a late one, a handshake, or of which session. The ciphertext is
 * ChaCha20-Poly1305 (RFC 8439) with the prefix as associated data and the number as nonce.
 *
 * Two kinds of key have a name: the one of a session, which {@link createPeer} agrees on, and the one for handshakes, which follows
 * from the secret that both ends share and whose numbers are random. A prefix decrypts to a known name only where it was made
 * by a holder of the secret, but with a chance of 2^-56: whoever has no secret costs one block of AES a datagram.
 */
export const PREFIX = 16;
export const TAG = 16;

/** Of this format; 1 had no handshake and no version. */
export const VERSION = 2;

const NAME = 8;
const CIPHER = 'chacha20-poly1305';

const nameOfDirection = (direction: Direction): string => (direction === Direction.OUTBOUND ? 'outbound' : 'inbound');

/** A key for datagrams, and the name by which a datagram says that it is sealed with it. */
export interface NamedKey {
  readonly name: Buffer;
  readonly key: Buffer;
}

/** What the prefix of a datagram says, which is not authenticated before {@link Seals.open}. */
interface Prefix {
  readonly name: Buffer;
  readonly number: Buffer;
}

/** Seals and opens the datagrams of one direction. */
export interface Seals {
  /** For handshakes. */
  readonly handshake: NamedKey;
  /** The datagram of a plaintext, in pieces. @param number 8 bytes, which never come twice with one key */
  seal(key: NamedKey, number: Buffer, plaintext: Uint8Array): Uint8Array[];
  /** Null where the datagram is too short. */
  readPrefix(datagram: Buffer): Prefix | null;
  /** Null where the datagram is not authentic. */
  open(key: Buffer, number: Buffer, datagram: Buffer): Buffer | null;
}

/** Names of handshakes' keys: zeros but for the version, which every version of the format keeps to. */
export function versionOf(name: Buffer): number | null {
  for (let i = 0; i < NAME - 1; i++) if (name[i] !== 0) return null;
  return name[NAME - 1]!;
}

/** A name of a session's key, which is none of a handshake's. */
export function sessionName(hash: Uint8Array): Buffer {
  const name = Buffer.from(hash.subarray(0, NAME));
  name[0]! |= 0x80;
  return name;
}

export function createSeals(secret: Uint8Array, direction: Direction): Seals {
  const way = nameOfDirection(direction);
  const prefixKey = deriveKey(secret, `${way} prefix`);
  const encrypt = createCipheriv('aes-256-ecb', prefixKey, null).setAutoPadding(false);
  const decrypt = createDecipheriv('aes-256-ecb', prefixKey, null).setAutoPadding(false);
  const block = Buffer.alloc(PREFIX);
  const nonce = Buffer.alloc(12);
  const handshakeName = Buffer.alloc(NAME);
  handshakeName[NAME - 1] = VERSION;
  return {
    handshake: { name: handshakeName, key: deriveKey(secret, `${way} handshake ${VERSION}`) },
    seal({ name, key }, number, plaintext) {
      name.copy(block);
      number.copy(block, NAME);
      number.copy(nonce, 12 - NAME);
      const prefix = encrypt.update(block);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG });
      cipher.setAAD(prefix, { plaintextLength: plaintext.length });
      const text = cipher.update(plaintext);
      cipher.final();
      return [prefix, text, cipher.getAuthTag()];
    },
    readPrefix(datagram) {
      if (datagram.length < PREFIX + TAG) return null;
      const plain = decrypt.update(datagram.subarray(0, PREFIX));
      return { name: plain.subarray(0, NAME), number: plain.subarray(NAME) };
    },
    open(key, number, datagram) {
      number.copy(nonce, 12 - NAME);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG });
      const end = datagram.length - TAG;
      decipher.setAAD(datagram.subarray(0, PREFIX), { plaintextLength: end - PREFIX });
      decipher.setAuthTag(datagram.subarray(end));
      const plaintext = decipher.update(datagram.subarray(PREFIX, end));
      try {
        decipher.final();
      } catch {
        return null;
      }
      return plaintext;
    },
  };
}

/** The number of a handshake: chance, since no end remembers which numbers it took before it was started. */
export const randomNumber = (): Buffer => randomBytes(NAME);

/** The number of the n-th datagram of a session. */
export function countNumber(count: number): Buffer {
  const number = Buffer.alloc(NAME);
  number.writeUIntBE(count, 2, 6);
  return number;
}

/** Of {@link countNumber}; null where it is none of those. */
export function countOf(number: Buffer): number | null {
  return number.readUInt16BE(0) === 0 ? number.readUIntBE(2, 6) : null;
}

/**
 * Whether a datagram is of version 1 of the format, by an end that has the same secret: prefix of a session (when it began, in
 * milliseconds of Unix time, 6 bytes; random, 5) and a number (5), a key for each session.
 */
export function createVersionOneReader(secret: Uint8Array, direction: Direction): (datagram: Buffer) => boolean {
  const way = `1 ${nameOfDirection(direction)}`;
  const decrypt = createDecipheriv('aes-256-ecb', deriveKey(secret, `${way} prefix`), null).setAutoPadding(false);
  const nonce = Buffer.alloc(12);
  return (datagram) => {
    if (datagram.length < PREFIX + TAG) return false;
    const block = decrypt.update(datagram.subarray(0, PREFIX));
    const began = block.readUIntBE(0, 6);
    // No clock is so wrong; other bytes look so once in a thousand times.
    if (began < Date.UTC(2024) || began > Date.UTC(2034)) return false;
    block.copy(nonce, 7, 11);
    const decipher = createDecipheriv(CIPHER, deriveKey(secret, `${way} session`, block.subarray(0, 11)), nonce, {
      authTagLength: TAG,
    });
    const end = datagram.length - TAG;
    decipher.setAAD(datagram.subarray(0, PREFIX), { plaintextLength: end - PREFIX });
    decipher.setAuthTag(datagram.subarray(end));
    decipher.update(datagram.subarray(PREFIX, end));
    try {
      decipher.final();
      return true;
    } catch {
      return false;
    }
  };
}
