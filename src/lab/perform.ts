import type { Direction } from '../trace/trace.js';
import { isDatagrams, type Part } from './script.js';

/** One end of a connection, which sends the messages of the script. */
export interface Performer {
  /** Call when `bytes` bytes of the other end have arrived. */
  received(bytes: number): void;
  /** Call at the time asked for by `wakeAt`. */
  wake(): void;
}

export interface PerformerOptions {
  readonly part: Part;
  /** Direction in which this end sends. */
  readonly direction: Direction;
  now(): number;
  /** Asks for a call of `wake` at `time`. */
  wakeAt(time: number): void;
  /** @param index number of the message in the part */
  send(bytes: number, index: number): void;
  /** Closes the connection at this end. */
  finish(): void;
  /** Receives how late a message was sent, in seconds of the script's clock after its time and after the message that it answers. */
  onSent?(late: number): void;
}

/** Seconds to wait for a datagram, which may be lost. */
const PATIENCE = 5;

/**
 * Sends each message at its time, but not before all earlier messages of the script have been sent or have arrived. An answer so never
 * precedes its question, however late that is. A datagram that does not arrive is given up after some seconds.
 */
export function createPerformer({ part, direction, ...options }: PerformerOptions): Performer {
  const { messages, speech, closed } = part;
  const isPatient = !isDatagrams(speech);
  let next = 0;
  let heard = 0;
  let expected = 0;
  let hasFinished = false;
  /** Time at which the messages before the next one had arrived. */
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
        // Bytes that were given up are not expected any more.
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
