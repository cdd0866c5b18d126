import { describe, expect, test } from 'vitest';
import {
  createFramework,
  type FrameworkLimits,
  type TriggerAction,
  type TriggerEvent,
} from '../../../src/shaping/maybenot/framework.js';
import { Event, type Machine, STATE_END, STATE_SIGNAL } from '../../../src/shaping/maybenot/machine.js';
import { createRng } from '../../../src/shared/rng.js';
import { block, cancel, count, distribution, machine, pad, setTimer, state } from '../../support/machines.js';

/** The behaviours that the unit tests of the crate maybenot 2.2 (`framework.rs`) assert, on machines like theirs. */

const normalSent: TriggerEvent = { event: Event.NORMAL_SENT };
const normalRecv: TriggerEvent = { event: Event.NORMAL_RECV };
const paddingRecv: TriggerEvent = { event: Event.PADDING_RECV };
const tunnelSent: TriggerEvent = { event: Event.TUNNEL_SENT };
const blockingEnd: TriggerEvent = { event: Event.BLOCKING_END };
const paddingSent = (owner = 0): TriggerEvent => ({ event: Event.PADDING_SENT, machine: owner });
const blockingBegin = (owner = 0): TriggerEvent => ({ event: Event.BLOCKING_BEGIN, machine: owner });
const timerBegin = (owner = 0): TriggerEvent => ({ event: Event.TIMER_BEGIN, machine: owner });
const timerEnd = (owner = 0): TriggerEvent => ({ event: Event.TIMER_END, machine: owner });

function run(machines: Machine[], limits: Partial<FrameworkLimits> = {}, start = 0) {
  const given = { maxPaddingFraction: 0, maxBlockingFraction: 0, ...limits };
  const framework = createFramework(machines, given, start, createRng(1));
  return {
    runtime: framework.runtime,
    /** Actions, copied: the framework uses its list again. */
    at: (now: number, ...events: TriggerEvent[]) => [...framework.triggerEvents(events, now)],
  };
}

const padding = (timeout: number, owner = 0, more = {}): TriggerAction => ({
  kind: 'send-padding',
  machine: owner,
  timeout,
  bypass: false,
  replace: false,
  ...more,
});
const blocking = (timeout: number, duration: number, owner = 0, more = {}): TriggerAction => ({
  kind: 'block-outgoing',
  machine: owner,
  timeout,
  duration,
  bypass: false,
  replace: false,
  ...more,
});

describe('transitions', () => {
  test('without machines nothing is done', () => {
    expect(run([]).at(0, normalSent, paddingSent(3), timerEnd(7))).toEqual([]);
  });

  test('an event leads to a state, and its action; of several events in one call, the last action stands', () => {
    const swap = machine([state({ PaddingSent: 1 }, pad(10)), state({ PaddingRecv: 0 }, pad(1))], {
      padding: 1000,
      paddingFraction: 1,
    });
    const { at } = run([swap]);
    expect(at(0, blockingBegin())).toEqual([null]);
    expect(at(20, paddingSent())).toEqual([padding(1)]);
    expect(at(40, paddingSent())).toEqual([null]);
    expect(at(40, paddingRecv)).toEqual([padding(10)]);
    for (let i = 0; i < 10; i++) expect(at(40, paddingSent(), paddingRecv)).toEqual([padding(10)]);
    expect(at(40, paddingRecv, paddingSent(), paddingRecv)).toEqual([padding(10)]);
    expect(at(40, paddingSent(), paddingRecv, paddingSent())).toEqual([padding(1)]);
  });

  test('the event of one machine does not reach another, that of none does no harm', () => {
    const own = machine([state({ PaddingSent: 0, TimerEnd: 0, TimerBegin: 0 }, pad(1))]);
    const { at, runtime } = run([own, own]);
    expect(at(0, paddingSent(1))).toEqual([null, padding(1, 1)]);
    expect(at(0, timerEnd(0))).toEqual([padding(1), null]);
    expect(at(0, paddingSent(2), timerBegin(2), timerEnd(9))).toEqual([null, null]);
    expect(runtime.map((one) => one.paddingSent)).toEqual([0, 1]);
  });

  test('blocks after a timeout, again and again', () => {
    const { at } = run([machine([state({ NormalSent: 0 }, block(1, 10))])]);
    for (let now = 0; now < 10; now++) expect(at(now, normalSent)).toEqual([blocking(1, 10)]);
    expect(at(20, blockingBegin())).toEqual([null]);
  });

  test('sets a timer and cancels one', () => {
    const { at } = run([
      machine([
        state({ PaddingSent: 1 }, pad(1)),
        state({ TimerEnd: 0, NormalSent: 2 }, setTimer(1000)),
        state({}, cancel('internal')),
      ]),
    ]);
    expect(at(0, paddingSent())).toEqual([{ kind: 'update-timer', machine: 0, duration: 1000, replace: false }]);
    expect(at(20, timerEnd())).toEqual([padding(1)]);
    at(30, paddingSent());
    expect(at(40, normalSent)).toEqual([{ kind: 'cancel', machine: 0, timer: 'internal' }]);
  });

  test('are as likely as they say, and nothing happens in the rest of cases', () => {
    const { at, runtime } = run([
      machine([
        state({
          NormalSent: [
            { to: 1, probability: 0.2 },
            { to: 2, probability: 0.5 },
          ],
        }),
        state({ NormalRecv: 0 }),
        state({ NormalRecv: 0 }),
      ]),
    ]);
    const seen = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      at(0, normalSent);
      seen[runtime[0]!.state]!++;
      at(0, normalRecv);
    }
    // Five standard errors.
    for (const [i, expected] of [6000, 4000, 10_000].entries()) {
      expect(Math.abs(seen[i]! - expected)).toBeLessThan(5 * Math.sqrt(5000));
    }
  });

  test('after the end nothing leads on, and what was asked for stands', () => {
    const { at, runtime } = run([machine([state({ NormalSent: 0, NormalRecv: STATE_END }, pad(5))])]);
    expect(at(0, normalSent, normalRecv)).toEqual([padding(5)]);
    expect(runtime[0]!.state).toBe(STATE_END);
    expect(at(1, normalSent, paddingSent(), timerBegin())).toEqual([null]);
  });

  test('times are whole microseconds, of a day at most', () => {
    const day = 24 * 3600 * 1e6;
    const long = {
      ...block(0, 0),
      timeout: distribution('uniform', [1e300, 1e300]),
      duration: distribution('uniform', [2.5, 2.5]),
    };
    const { at } = run([machine([state({ NormalSent: 0 }, long as ReturnType<typeof block>)])]);
    expect(at(0, normalSent)).toEqual([blocking(day, 3)]);
  });
});

describe('counters', () => {
  test('a counter that comes to zero leads on at once, and to that action', () => {
    const { at, runtime } = run([
      machine(
        [
          state({ PaddingSent: 1, CounterZero: 2 }, null, count('decrement')),
          state({ NormalSent: 0 }, null, count('increment')),
          state({ NormalSent: 0, PaddingSent: 1 }, pad(2), null, count('increment', 4)),
        ],
        { padding: 1000, paddingFraction: 1 },
      ),
    ]);
    expect(at(0, paddingSent())).toEqual([null]);
    expect(runtime[0]).toMatchObject({ counterA: 1, counterB: 0 });
    expect(at(20, normalSent)).toEqual([padding(2)]);
    expect(runtime[0]).toMatchObject({ counterA: 0, counterB: 4, state: 2 });
  });

  test('neither a decrement at zero nor a set to zero of a zero counts as coming to zero', () => {
    const on = { NormalSent: 0, NormalRecv: 1, CounterZero: 2 };
    const { at, runtime } = run([
      machine([
        state(on, null, null, count('decrement', 10)),
        state(on, null, null, count('set', 0)),
        state({}, pad(2)),
      ]),
    ]);
    expect(at(0, normalSent)).toEqual([null]);
    expect(at(0, normalRecv)).toEqual([null]);
    expect(runtime[0]).toMatchObject({ counterB: 0, state: 1 });
  });

  test('a counter stays within 64 bits', () => {
    const on = { NormalSent: 0, NormalRecv: 1 };
    const { at, runtime } = run([
      machine([state(on, null, count('increment', 1000)), state(on, null, count('set', 1e300))]),
    ]);
    at(0, normalRecv);
    expect(runtime[0]!.counterA).toBe(2 ** 64);
    at(0, normalSent);
    expect(runtime[0]!.counterA).toBe(2 ** 64);
  });

  test('both at zero in one step lead on once', () => {
    const { at, runtime } = run([
      machine([
        state({ NormalSent: 0, PaddingSent: 1 }, null, count('set', 44), count('set', 28)),
        state({ NormalSent: 1, CounterZero: 2 }, null, count('decrement', 32), count('decrement', 15)),
        state({ CounterZero: 0 }),
      ]),
    ]);
    at(0, normalSent);
    expect(runtime[0]).toMatchObject({ counterA: 44, counterB: 28 });
    at(20, paddingSent());
    expect(runtime[0]).toMatchObject({ counterA: 12, counterB: 13 });
    at(40, normalSent);
    expect(runtime[0]).toMatchObject({ counterA: 0, counterB: 0, state: 2 });
  });

  test('in a chain of zeros the last action stands, and the counters are updated in order', () => {
    const { at, runtime } = run([
      machine([
        state({ NormalSent: 0, PaddingSent: 1 }, null, count('set'), count('set')),
        state({ CounterZero: 2 }, pad(2), count('decrement')),
        state({ CounterZero: 3 }, pad(67, { bypass: true }), null, count('decrement')),
        state({}, null, count('set', 13)),
      ]),
    ]);
    at(0, normalSent);
    expect(runtime[0]).toMatchObject({ counterA: 1, counterB: 1 });
    expect(at(20, paddingSent())).toEqual([padding(67, 0, { bypass: true })]);
    expect(runtime[0]).toMatchObject({ counterA: 13, counterB: 0 });
  });

  test('a copy takes the value that the other had before', () => {
    const { at, runtime } = run([
      machine([
        state({ NormalSent: 0, PaddingSent: 1 }, null, count('set', 4), count('set', 13)),
        state({ PaddingSent: 2 }, null, count('set', 'copy'), count('decrement', 'copy')),
        state({}, null, count('increment', 'copy')),
      ]),
    ]);
    at(0, normalSent);
    at(20, paddingSent());
    expect(runtime[0]).toMatchObject({ counterA: 13, counterB: 9 });
    at(40, paddingSent());
    expect(runtime[0]).toMatchObject({ counterA: 22, counterB: 9 });
  });

  test('out of a state and back by two zeros is a change: the limit is fresh', () => {
    const { at, runtime } = run([
      machine(
        [
          state({ NormalSent: 0, PaddingSent: 1 }, null, count('set', 2), count('set')),
          state({ CounterZero: 2, PaddingSent: 1 }, pad(1, { limit: 2 }), count('decrement')),
          state({ CounterZero: 1 }, null, null, count('decrement')),
        ],
        { padding: 1000, paddingFraction: 1 },
      ),
    ]);
    at(0, normalSent);
    expect(at(0, paddingSent())).toEqual([padding(1)]);
    expect(runtime[0]).toMatchObject({ counterA: 1, counterB: 1, limit: 2 });
    expect(at(0, paddingSent())).toEqual([padding(1)]);
    expect(runtime[0]).toMatchObject({ counterA: 0, counterB: 0, limit: 2 });
  });

  test('each counter comes to zero once a call: two states that reset each other do not go round for ever', () => {
    const { at } = run([
      machine(
        [
          state({ NormalSent: 1 }),
          state({ NormalSent: 2 }, null, count('set')),
          state({ CounterZero: 3, NormalRecv: 4 }, null, count('decrement'), count('set')),
          state({ CounterZero: 2 }, null, count('set'), count('decrement')),
          state({}, pad(1)),
        ],
        { padding: 1000, paddingFraction: 1 },
      ),
    ]);
    at(0, normalSent);
    expect(at(0, normalSent, normalRecv)).toEqual([padding(1)]);
  });
});

describe('signals', () => {
  const answer = state({}, pad(2));
  const sender = machine([state({ NormalSent: STATE_SIGNAL, Signal: 1 }), answer]);

  test('reach all machines but the one that signals', () => {
    const listener = machine([state({ Signal: 1 }), answer]);
    expect(run([sender, listener, listener]).at(0, normalSent)).toEqual([null, padding(2, 1), padding(2, 2)]);
  });

  test('of two machines reach both', () => {
    expect(run([sender, sender]).at(0, normalSent)).toEqual([padding(2), padding(2, 1)]);
  });

  test('are answered within the same call', () => {
    const echo = machine([state({ Signal: STATE_SIGNAL }), answer]);
    expect(run([sender, echo]).at(0, normalSent)).toEqual([padding(2), null]);
    expect(run([echo, sender]).at(0, normalSent)).toEqual([null, padding(2, 1)]);
  });
});

describe('limits', () => {
  const padding100 = (paddingFraction: number) =>
    machine([state({ PaddingSent: 0, NormalSent: 0, NormalRecv: 0 }, pad(2))], { padding: 100, paddingFraction });

  test('after its allowance a machine pads no more than its share', () => {
    const { at } = run([padding100(0.5)]);
    let actions = at(0, normalRecv);
    for (let i = 0; i < 100; i++) {
      expect(actions).toEqual([padding(2)]);
      actions = at(0, paddingSent());
    }
    expect(actions).toEqual([null]);
    expect(at(0, normalRecv)).toEqual([null]);
    for (let i = 0; i < 100; i++) expect(at(0, normalSent)).toEqual([null]);
    expect(at(0, normalSent)).toEqual([padding(2)]);
  });

  test('after their allowances all machines together pad no more than the share of the framework', () => {
    const { at, runtime } = run([padding100(0), padding100(0)], { maxPaddingFraction: 0.5 });
    let actions = at(0, normalRecv);
    for (let i = 0; i < 100; i++) {
      expect(actions).toEqual([padding(2), padding(2, 1)]);
      actions = at(0, paddingSent(0), paddingSent(1), tunnelSent, tunnelSent);
    }
    expect(actions).toEqual([null, null]);
    expect(at(0, normalRecv, normalRecv)).toEqual([null, null]);
    expect(runtime.map((one) => one.paddingSent)).toEqual([100, 100]);
    for (let i = 0; i < 200; i++) expect(at(0, normalSent)).toEqual([null, null]);
    expect(at(0, normalSent)).toEqual([padding(2), padding(2, 1)]);
  });

  test.each([
    ['its own', 0.5, 0],
    ['that of the framework', 0, 0.5],
  ])(
    'after its allowance a machine blocks no more than a share of the time: %s',
    (_, blockedFraction, maxBlockingFraction) => {
      const blocker = machine([state({ BlockingBegin: 0, BlockingEnd: 0, NormalRecv: 0 }, block(2, 2))], {
        blocked: 10,
        blockedFraction,
      });
      // In microseconds since the epoch: blocking is counted from when the machines began.
      let now = 1.7e15;
      const { at, runtime } = run([blocker], { maxBlockingFraction }, now);
      let actions = at(now, normalRecv);
      for (let i = 0; i < 5; i++) {
        expect(actions).toEqual([blocking(2, 2)]);
        expect(at(now, blockingBegin())).toEqual([blocking(2, 2)]);
        now += 2;
        actions = at(now, blockingEnd);
      }
      expect(actions).toEqual([null]);
      expect(runtime[0]!.blocked).toBe(10);
      for (let i = 0; i < 5; i++) {
        now += 2;
        expect(at(now, normalRecv)).toEqual([null]);
      }
      now += 2;
      expect(at(now, normalRecv)).toEqual([blocking(2, 2)]);
    },
  );

  test('blocking that lasts may be replaced, over any share', () => {
    const replacer = machine([state({ NormalRecv: 0 }, block(2, 2, { replace: true }))], {
      blocked: 2,
      blockedFraction: 0.5,
    });
    const other = machine([state({ NormalSent: 0 }, block(0, 1000))]);
    const { at } = run([replacer, other]);
    expect(at(0, normalRecv)[0]).toEqual(blocking(2, 2, 0, { replace: true }));
    at(0, blockingBegin(0));
    at(2, blockingEnd);
    expect(at(2, normalRecv)[0]).toBeNull();
    expect(at(2, normalSent)[1]).toEqual(blocking(0, 1000, 1));
    at(2, blockingBegin(1));
    expect(at(2, normalRecv)[0]).toEqual(blocking(2, 2, 0, { replace: true }));
  });

  test('of a state: its action is taken so often, then LimitReached leads on', () => {
    const limited = (onLimit: object) =>
      run([
        machine(
          [state({ NormalSent: 1 }), state({ PaddingSent: 1, ...onLimit }, pad(1, { limit: 4 })), state({}, pad(9))],
          {
            padding: 1e5,
          },
        ),
      ]);
    const { at, runtime } = limited({});
    let actions = at(0, normalSent);
    for (let i = 4; i > 0; i--) {
      expect(runtime[0]!.limit).toBe(i);
      expect(actions).toEqual([padding(1)]);
      actions = at(5 - i, paddingSent());
    }
    expect(actions).toEqual([null]);
    expect(runtime[0]).toMatchObject({ paddingSent: 4, normalSent: 1, limit: 0 });

    const onward = limited({ LimitReached: 2 });
    onward.at(0, normalSent);
    for (let i = 0; i < 3; i++) expect(onward.at(1, paddingSent())).toEqual([padding(1)]);
    expect(onward.at(2, paddingSent())).toEqual([padding(9)]);
  });

  test('of the first state hold from the start', () => {
    const { runtime } = run([
      machine([state({}, pad(1, { limit: 7 }))]),
      machine([state({}, pad(1))]),
      machine([state({})]),
    ]);
    expect(runtime.map(({ limit }) => limit)).toEqual([7, Number.POSITIVE_INFINITY, 0]);
  });

  test('blocking counts against the state of the machine that asked for it alone', () => {
    const blocker = machine([state({ NormalSent: 1 }), state({}, block(1, 1, { limit: 3 }))]);
    const { at, runtime } = run([blocker, blocker]);
    at(0, normalSent);
    at(0, blockingBegin(1));
    expect(runtime.map(({ limit }) => limit)).toEqual([3, 2]);
  });

  test('a timer counts against its state too', () => {
    const { at, runtime } = run([
      machine([state({ NormalSent: 1 }), state({ TimerEnd: 1, LimitReached: STATE_END }, setTimer(1, { limit: 2 }))]),
    ]);
    at(0, normalSent);
    at(0, timerBegin());
    expect(runtime[0]!.limit).toBe(1);
    at(1, timerEnd());
    at(1, timerBegin());
    expect(runtime[0]!.state).toBe(STATE_END);
  });
});
