import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Direction } from '../../trace/trace.js';
import { deriveKey } from './key.js';
import { createReplayWindow, type ReplayWindow } from './replay.js';

/**
 * A datagram of the tunnel: prefix 16, ciphertext, tag 16.
 *
 * The prefix is one block under AES-256 of the session (when it began, in milliseconds of Unix time, 6 bytes; random, 5) and the
 * number of the datagram in it (5). No two blocks are the same before encryption, so a permutation that nobody can tell from a
 * random one makes them look like chance, and nothing in a datagram says whether it is the first, a late one, or of which session.
 * The ciphertext is ChaCha20-Poly1305 (RFC 8439) with the prefix as associated data, the number as nonce, and a key made for the
 * session (RFC 5869): an end that starts again takes another session, so no nonce is ever used twice with a key.
 *
 * A datagram of another session than the last is accepted where that began later, as WireGuard does with its time stamps
 * (Donenfeld, NDSS 2017, section 5.1), so either end may be killed and started again without the other. What this leaves:
 * - no forward secrecy: whoever gets the key can read what was recorded. What the tunnel carries should be encrypted by itself.
 * - an end that was started with its clock behind that of its last start is refused until the clock has caught up.
 * - an end that has just started has seen no session: it can be shown recorded datagrams of the other until that one sends. VPNs
 *   refuse such by themselves.
 */
export const PREFIX = 16;
export const TAG = 16;

const TIME = 6;
const SESSION = 11;
const CIPHER = 'chacha20-poly1305';
const MOST = 2 ** 40;

const nameOf = (direction: Direction): string => (direction === Direction.OUTBOUND ? 'outbound' : 'inbound');

const prefixKey = (secret: Uint8Array, direction: Direction): Buffer =>
  deriveKey(secret, `${nameOf(direction)} prefix`);
const sessionKey = (secret: Uint8Array, direction: Direction, session: Uint8Array): Buffer =>
  deriveKey(secret, `${nameOf(direction)} session`, session);

export interface Sealer {
  /** The datagram of a plaintext, in pieces. */
  seal(plaintext: Uint8Array): Uint8Array[];
}

export interface SealerOptions {
  /** Milliseconds of Unix time. */
  readonly clock?: () => number;
  /** Datagrams after which a new session begins. */
  readonly most?: number;
}

/** What an end sends in `direction`. */
export function createSealer(
  secret: Uint8Array,
  direction: Direction,
  { clock = Date.now, most = MOST }: SealerOptions = {},
): Sealer {
  const blocks = createCipheriv('aes-256-ecb', prefixKey(secret, direction), null).setAutoPadding(false);
  const block = Buffer.alloc(PREFIX);
  const nonce = Buffer.alloc(12);
  let began = 0;
  let key: Uint8Array = Buffer.alloc(0);
  let count = most;

  const begin = (): void => {
    began = Math.max(clock(), began + 1);
    block.writeUIntBE(began, 0, TIME);
    randomBytes(SESSION - TIME).copy(block, TIME);
    key = sessionKey(secret, direction, block.subarray(0, SESSION));
    count = 0;
  };

  return {
    seal(plaintext) {
      if (count === most) begin();
      block.writeUIntBE(count, SESSION, PREFIX - SESSION);
      nonce.writeUIntBE(count, 7, PREFIX - SESSION);
      count++;
      const prefix = blocks.update(block);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG });
      cipher.setAAD(prefix, { plaintextLength: plaintext.length });
      const text = cipher.update(plaintext);
      cipher.final();
      return [prefix, text, cipher.getAuthTag()];
    },
  };
}

/** Why a datagram is refused: too short; not by who has the key; received before; of a session before the present one. */
export type Refusal = 'short' | 'forged' | 'replayed' | 'stale';

export interface Opened {
  readonly plaintext: Buffer;
  /** No later datagram of the other end has come yet. */
  readonly isNewest: boolean;
  /** The first that is accepted of its session. */
  readonly isNewSession: boolean;
}

export interface Opener {
  open(datagram: Buffer): Opened | Refusal;
}

interface Session {
  /** Of the prefix. */
  readonly name: Buffer;
  readonly key: Buffer;
  readonly window: ReplayWindow;
}

/** What an end receives that was sent in `direction`. */
export function createOpener(secret: Uint8Array, direction: Direction): Opener {
  const blocks = createDecipheriv('aes-256-ecb', prefixKey(secret, direction), null).setAutoPadding(false);
  const nonce = Buffer.alloc(12);
  let current: Session | null = null;

  const sessionOf = (name: Buffer): Session | Refusal => {
    if (current?.name.equals(name)) return current;
    if (current && name.compare(current.name, 0, TIME, 0, TIME) <= 0) return 'stale';
    return { name, key: sessionKey(secret, direction, name), window: createReplayWindow() };
  };

  return {
    open(datagram) {
      if (datagram.length < PREFIX + TAG) return 'short';
      const prefix = datagram.subarray(0, PREFIX);
      const block = blocks.update(prefix);
      const session = sessionOf(block.subarray(0, SESSION));
      if (typeof session === 'string') return session;
      const count = block.readUIntBE(SESSION, PREFIX - SESSION);
      if (!session.window.isNew(count)) return 'replayed';
      nonce.writeUIntBE(count, 7, PREFIX - SESSION);
      const decipher = createDecipheriv(CIPHER, session.key, nonce, { authTagLength: TAG });
      const end = datagram.length - TAG;
      decipher.setAAD(prefix, { plaintextLength: end - PREFIX });
      decipher.setAuthTag(datagram.subarray(end));
      const plaintext = decipher.update(datagram.subarray(PREFIX, end));
      try {
        decipher.final();
      } catch {
        return 'forged';
      }
      const isNewSession = session !== current;
      current = session;
      return { plaintext, isNewest: session.window.accept(count), isNewSession };
    },
  };
}
