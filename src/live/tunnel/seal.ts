import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Direction } from '../../trace/trace.js';
import { decrypt as decryptText, encrypt as encryptText, TAG } from './aead.js';
import { deriveKey } from './key.js';

/**
 * Format of the tunnel's datagrams: prefix of 16 bytes, ciphertext, tag of 16 bytes.
 *
 * The prefix is one block under AES-256: the name of the key (8 bytes) and the number of the datagram under that key (8 bytes). Plain
 * blocks never repeat, so their encryption by a pseudorandom permutation looks like random bytes. Nothing in a datagram reveals
 * whether it is the first, late, or a handshake, or its session. The ciphertext is ChaCha20-Poly1305 (RFC 8439) with the prefix as
 * associated data and the number as nonce.
 *
 * Two kinds of key have a name. {@link createPeer} agrees on the key of a session. The key for handshakes is derived from the secret
 * that both ends share, and its numbers are random. A prefix decrypts to a known name only where a holder of the secret made it, up
 * to a chance of 2^-56. A datagram from a sender without the secret therefore costs one block of AES.
 */
export const PREFIX = 16;

/** Version of the format. Version 1 had no handshake and no version number. */
export const VERSION = 2;

const NAME = 8;

const nameOfDirection = (direction: Direction): string => (direction === Direction.OUTBOUND ? 'outbound' : 'inbound');

/** A key for datagrams, and the name by which a datagram refers to it. */
export interface NamedKey {
  readonly name: Buffer;
  readonly key: Buffer;
}

/** Content of a datagram's prefix, which is not authenticated before {@link Seals.open}. */
interface Prefix {
  readonly name: Buffer;
  readonly number: Buffer;
}

/** Seals and opens the datagrams of one direction. */
export interface Seals {
  /** Key for handshakes. */
  readonly handshake: NamedKey;
  /** Seals a plaintext into a datagram, in pieces. @param number 8 bytes, unique under the key */
  seal(key: NamedKey, number: Buffer, plaintext: Uint8Array): Uint8Array[];
  /** Decrypts the prefix; null where the datagram is too short. */
  readPrefix(datagram: Buffer): Prefix | null;
  /** Decrypts the ciphertext; null where the datagram is not authentic. */
  open(key: Buffer, number: Buffer, datagram: Buffer): Buffer | null;
}

/** Version in the name of a handshake key, else null. In every version of the format, such a name is zeros and the version. */
export function versionOf(name: Buffer): number | null {
  for (let i = 0; i < NAME - 1; i++) if (name[i] !== 0) return null;
  return name[NAME - 1]!;
}

/** Name of a session key, distinct from the names of handshake keys. @param hash handshake hash */
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
      return [prefix, ...encryptText(key, nonce, prefix, plaintext)];
    },
    readPrefix(datagram) {
      if (datagram.length < PREFIX + TAG) return null;
      const plain = decrypt.update(datagram.subarray(0, PREFIX));
      return { name: plain.subarray(0, NAME), number: plain.subarray(NAME) };
    },
    open(key, number, datagram) {
      number.copy(nonce, 12 - NAME);
      return decryptText(key, nonce, datagram.subarray(0, PREFIX), datagram.subarray(PREFIX));
    },
  };
}

/** Number of a handshake: random, since an end does not remember its numbers from before it started. */
export const randomNumber = (): Buffer => randomBytes(NAME);

/** Number of a session's datagram. @param count 0 for the first */
export function countNumber(count: number): Buffer {
  const number = Buffer.alloc(NAME);
  number.writeUIntBE(count, 2, 6);
  return number;
}

/** Inverse of {@link countNumber}; null for any other number. */
export function countOf(number: Buffer): number | null {
  return number.readUInt16BE(0) === 0 ? number.readUIntBE(2, 6) : null;
}

/**
 * Creates a test for datagrams of version 1 of the format, made by an end with the same secret. Their prefix has the session's beginning
 * (milliseconds of Unix time, 6 bytes), random bytes (5) and a number (5). Each session has a key of its own.
 */
export function createVersionOneReader(secret: Uint8Array, direction: Direction): (datagram: Buffer) => boolean {
  const way = `1 ${nameOfDirection(direction)}`;
  const decrypt = createDecipheriv('aes-256-ecb', deriveKey(secret, `${way} prefix`), null).setAutoPadding(false);
  const nonce = Buffer.alloc(12);
  return (datagram) => {
    if (datagram.length < PREFIX + TAG) return false;
    const block = decrypt.update(datagram.subarray(0, PREFIX));
    const began = block.readUIntBE(0, 6);
    // A beginning outside these years is not from a clock; random bytes pass once in about a thousand times.
    if (began < Date.UTC(2024) || began > Date.UTC(2034)) return false;
    block.copy(nonce, 7, 11);
    const key = deriveKey(secret, `${way} session`, block.subarray(0, 11));
    return decryptText(key, nonce, datagram.subarray(0, PREFIX), datagram.subarray(PREFIX)) !== null;
  };
}
