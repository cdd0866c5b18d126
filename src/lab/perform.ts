import type { Direction } from '../trace/trace.js';
import { isDatagrams, type Part } from './script.js';

/** One end of a connection, as it says what the script has it say. */
export interface Performer {
  /** So many bytes of the other end's have come. */
  received(bytes: number): void;
  /** The time has come that was asked for. */
  wake(): void;
}

export interface PerformerOptions {
  readonly part: Part;
  /** In which this end sends. */
  readonly direction: Direction;
  now(): number;
  /** Asks to be woken. */
  wakeAt(time: number): void;
  /** @param index of the message in the part */
  send(bytes: number, index: number): void;
  /** This end closes the connection. */
  finish(): void;
  /** So many seconds of the script's clock after it could be sent a message was: after its time, and after what it answers. */
  onSent?(late: number): void;
}

/** Seconds after which a datagram that does not come is no longer waited for. */
const PATIENCE = 5;

/**
 * Says each message at its time, or when all that comes before it in the script has been said or has arrived: an answer never goes
 * before its question, however late that is. Datagrams are not waited for for long, since they may be lost.
 */
export function createPerformer({ part, direction, ...options }: PerformerOptions): Performer {
  const { messages, speech, closed } = part;
  const isPatient = !isDatagrams(speech);
  let next = 0;
  let heard = 0;
  let expected = 0;
  let hasFinished = false;
  /** When what the next message waits for had come. */
  let ready = options.now();

  const advance = (): void => {
    for (;;) {
      const message = messages[next];
      if (!message) break;
      const now = options.now();
      if (message.direction === direction) {
        if (now < message.time) {
          options.wakeAt(message.time);
          return;
        }
        options.onSent?.(now - Math.max(message.time, ready));
        options.send(message.bytes, next);
      } else {
        const until = isPatient ? Number.POSITIVE_INFINITY : message.time + PATIENCE;
        if (heard < expected + message.bytes && now < until) {
          if (until < Number.POSITIVE_INFINITY) options.wakeAt(until);
          return;
        }
        // What was given up is not waited for again.
        expected = Math.min(expected + message.bytes, heard);
        ready = now;
      }
      next++;
    }
    if (hasFinished || closed === Number.POSITIVE_INFINITY) return;
    if (options.now() < closed) {
      options.wakeAt(closed);
      return;
    }
    hasFinished = true;
    options.finish();
  };

  return {
    received(bytes) {
      heard += bytes;
      advance();
    },
    wake: advance,
  };
}
