import { expect, test } from 'vitest';
import { createPerformer } from '../../src/lab/perform.js';
import type { Message, Part, Speech } from '../../src/lab/script.js';
import { Direction } from '../../src/trace/trace.js';

const { OUTBOUND, INBOUND } = Direction;
const out = (time: number, bytes = 10): Message => ({ time, direction: OUTBOUND, bytes });
const back = (time: number, bytes = 10): Message => ({ time, direction: INBOUND, bytes });

/** The device's end of a connection, on a clock that is set by hand. */
function perform(messages: Message[], { speech = 'plain' as Speech, closed = Number.POSITIVE_INFINITY } = {}) {
  const part: Part = {
    ...{ device: 0, timestamps: true, speech, address: '198.51.100.7', port: 443, localPort: 2048 },
    ...{ name: '', servers: 1, greeting: 0, opened: 0, closed, messages },
  };
  const state = { now: 0, wakes: Number.NaN };
  const done: string[] = [];
  const late: number[] = [];
  const performer = createPerformer({
    part,
    direction: OUTBOUND,
    now: () => state.now,
    wakeAt(time) {
      state.wakes = time;
    },
    send: (bytes, index) => done.push(`${state.now}: message ${index}, ${bytes} bytes`),
    finish: () => done.push(`${state.now}: closed`),
    onSent: (seconds) => late.push(seconds),
  });
  return {
    done,
    late,
    wakes: () => state.wakes,
    wakeAt(time: number) {
      state.now = time;
      performer.wake();
    },
    hearAt(time: number, bytes: number) {
      state.now = time;
      performer.received(bytes);
    },
  };
}

test('each message goes at its time, and the end closes when all is said', () => {
  const end = perform([out(1), out(3, 20)], { closed: 4 });
  end.wakeAt(0);
  expect([end.done, end.wakes()]).toEqual([[], 1]);
  end.wakeAt(1);
  expect([end.done, end.wakes()]).toEqual([['1: message 0, 10 bytes'], 3]);
  end.wakeAt(3);
  expect(end.wakes()).toBe(4);
  end.wakeAt(4);
  end.wakeAt(5);
  expect(end.done).toEqual(['1: message 0, 10 bytes', '3: message 1, 20 bytes', '4: closed']);
});

test('an answer waits for the whole of its question, however late that is', () => {
  const end = perform([back(1, 100), out(2)]);
  end.wakeAt(2);
  end.hearAt(50, 99);
  expect(end.done).toEqual([]);
  end.hearAt(60, 1);
  expect(end.done).toEqual(['60: message 1, 10 bytes']);
});

test('bytes that come early count for what comes later in the script', () => {
  const end = perform([out(1), back(2), back(3), out(4)]);
  end.hearAt(1, 20);
  end.wakeAt(4);
  expect(end.done).toEqual(['1: message 0, 10 bytes', '4: message 3, 10 bytes']);
});

test('late is what comes after its time and after what it answers', () => {
  const end = perform([out(1), back(2), out(3), out(10)]);
  end.wakeAt(1.25);
  // The question comes 5 s after the answer's time: that is no lateness of the answer.
  end.hearAt(8, 10);
  end.wakeAt(10.5);
  expect(end.late).toEqual([0.25, 0, 0.5]);
});

test('a datagram that does not come is given up after five seconds, and those after it are waited for no longer than that', () => {
  const end = perform([back(1), out(2), back(20), out(20), back(40), out(40)], { speech: 'datagram' });
  end.wakeAt(2);
  expect([end.done, end.wakes()]).toEqual([[], 6]);
  end.wakeAt(6);
  expect(end.done).toEqual(['6: message 1, 10 bytes']);
  end.hearAt(21, 10);
  end.hearAt(41, 10);
  expect(end.done.slice(1)).toEqual(['21: message 3, 10 bytes', '41: message 5, 10 bytes']);
});

test('a stream is waited for without end', () => {
  const end = perform([back(1), out(2)]);
  end.wakeAt(1e6);
  expect(end.done).toEqual([]);
});
