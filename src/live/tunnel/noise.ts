import {
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { decrypt, encrypt, TAG } from './aead.js';

/**
 * Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s of the Noise Protocol Framework, revision 34 (https://noiseprotocol.org/noise.html):
 *
 * ```
 * -> psk, e
 * <- e, ee
 * ```
 *
 * Names in comments are those of the specification.
 */
const PROTOCOL = 'Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s';
const HASH = 'blake2s256';
/** Bytes of a Curve25519 public key. */
const DH = 32;

/** Bytes by which a handshake message is longer than its payload. */
export const MESSAGE_OVERHEAD = DH + TAG;

/** Keys that both sides hold after the handshake. */
export interface Established {
  /** Keys of 32 bytes for each direction, as this side sees them. */
  readonly send: Buffer;
  readonly receive: Buffer;
  /** Handshake hash, unique to this handshake and not secret. */
  readonly hash: Buffer;
}

/** Replaces the fresh key pair in tests against published vectors. */
type KeyPair = Readonly<Record<'privateKey' | 'publicKey', KeyObject>>;

/** SymmetricState of the specification. Its buffers are never changed, so a copy of the object is a snapshot. */
interface Symmetric {
  readonly chaining: Buffer;
  readonly hash: Buffer;
  readonly key: Buffer;
}

const hashOf = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash(HASH);
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const mac = createHmac(HASH, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

/** HKDF of Noise with three outputs; a caller may take only two. */
function hkdf(chaining: Uint8Array, material: Uint8Array): [Buffer, Buffer, Buffer] {
  const temporary = hmac(chaining, material);
  const first = hmac(temporary, Buffer.of(1));
  const second = hmac(temporary, first, Buffer.of(2));
  return [first, second, hmac(temporary, second, Buffer.of(3))];
}

const mixHash = (state: Symmetric, data: Uint8Array): Symmetric => ({ ...state, hash: hashOf(state.hash, data) });

function mixKey(state: Symmetric, material: Uint8Array): Symmetric {
  const [chaining, key] = hkdf(state.chaining, material);
  return { ...state, chaining, key };
}

function mixKeyAndHash(state: Symmetric, material: Uint8Array): Symmetric {
  const [chaining, middle, key] = hkdf(state.chaining, material);
  return { ...mixHash(state, middle), chaining, key };
}

/** Nonce of each handshake message: always 0 in this pattern, since a MixKey precedes each payload. */
const FIRST_NONCE = Buffer.alloc(12);

function encryptAndHash(state: Symmetric, plaintext: Uint8Array): [Symmetric, Buffer] {
  const text = Buffer.concat(encrypt(state.key, FIRST_NONCE, state.hash, plaintext));
  return [mixHash(state, text), text];
}

/** Returns null where the ciphertext is not authentic. */
function decryptAndHash(state: Symmetric, text: Uint8Array): [Symmetric, Buffer] | null {
  const plaintext = decrypt(state.key, FIRST_NONCE, state.hash, text);
  return plaintext && [mixHash(state, text), plaintext];
}

/** Computes the state before the first payload, which both sides share: prologue, psk, e. */
function begin(psk: Uint8Array, prologue: Uint8Array, e: Uint8Array): Symmetric {
  const name = hashOf(Buffer.from(PROTOCOL));
  const started = mixHash({ chaining: name, hash: name, key: Buffer.alloc(0) }, prologue);
  return mixPublic(mixKeyAndHash(started, psk), e);
}

/** Mixes in a public key; with a psk, e is mixed into the key too. */
const mixPublic = (state: Symmetric, e: Uint8Array): Symmetric => mixKey(mixHash(state, e), e);

function split({ chaining }: Symmetric): [Buffer, Buffer] {
  const [first, second] = hkdf(chaining, new Uint8Array());
  return [first, second];
}

const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

const rawPublic = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(-DH);

/** Diffie-Hellman exchange; null where the public key is one of the few that lead to an output of zeros. */
function agree(privateKey: KeyObject, e: Uint8Array): Buffer | null {
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI, e]), format: 'der', type: 'spki' });
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return null;
  }
}

export interface Initiation {
  readonly message: Buffer;
  /** Takes the response; null where it does not answer this initiation, so that a later one still may. */
  finish(response: Uint8Array): { readonly payload: Buffer; readonly established: Established } | null;
}

/** Begins a handshake. @param prologue bytes that both sides must agree on */
export function initiate(
  psk: Uint8Array,
  prologue: Uint8Array,
  payload: Uint8Array,
  pair: KeyPair = generateKeyPairSync('x25519'),
): Initiation {
  const e = rawPublic(pair.publicKey);
  const [sent, text] = encryptAndHash(begin(psk, prologue, e), payload);
  return {
    message: Buffer.concat([e, text]),
    finish(response) {
      if (response.length < MESSAGE_OVERHEAD) return null;
      const theirs = response.subarray(0, DH);
      const shared = agree(pair.privateKey, theirs);
      const read = shared && decryptAndHash(mixKey(mixPublic(sent, theirs), shared), response.subarray(DH));
      if (!read) return null;
      const [state, answer] = read;
      const [send, receive] = split(state);
      return { payload: answer, established: { send, receive, hash: state.hash } };
    },
  };
}

export interface ReceivedInitiation {
  readonly payload: Buffer;
  /** Answers; null where the initiator's key is worthless. Unlike reading, it takes the time of a Diffie-Hellman exchange. */
  respond(payload: Uint8Array, pair?: KeyPair): { readonly message: Buffer; readonly established: Established } | null;
}

/** Reads a message of {@link initiate}; null where its author does not hold `psk` or uses another prologue. */
export function readInitiation(psk: Uint8Array, prologue: Uint8Array, message: Uint8Array): ReceivedInitiation | null {
  if (message.length < MESSAGE_OVERHEAD) return null;
  const theirs = message.subarray(0, DH);
  const read = decryptAndHash(begin(psk, prologue, theirs), message.subarray(DH));
  if (!read) return null;
  const [received, payload] = read;
  return {
    payload,
    respond(answer, pair = generateKeyPairSync('x25519')) {
      const shared = agree(pair.privateKey, theirs);
      if (!shared) return null;
      const e = rawPublic(pair.publicKey);
      const [state, text] = encryptAndHash(mixKey(mixPublic(received, e), shared), answer);
      const [receive, send] = split(state);
      return { message: Buffer.concat([e, text]), established: { send, receive, hash: state.hash } };
    },
  };
}
