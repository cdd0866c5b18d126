import type { Rng } from '../../shared/rng.js';
import { type Distribution, sample } from './distribution.js';
import {
  type Action,
  type CounterUpdate,
  Event,
  type Machine,
  STATE_END,
  STATE_SIGNAL,
  type Timer,
} from './machine.js';

/** An event at an end of the tunnel. Events of limits, counters and signals are internal to the framework. */
export interface TriggerEvent {
  readonly event: Exclude<Event, typeof Event.LIMIT_REACHED | typeof Event.COUNTER_ZERO | typeof Event.SIGNAL>;
  /** The machine of the padding, blocking or timer; ignored for other events. */
  readonly machine?: number;
}

/** A request of a machine. Times are in whole microseconds. */
export type TriggerAction =
  | { readonly kind: 'cancel'; readonly machine: number; readonly timer: Timer }
  | {
      readonly kind: 'send-padding';
      readonly machine: number;
      readonly timeout: number;
      readonly bypass: boolean;
      readonly replace: boolean;
    }
  | {
      readonly kind: 'block-outgoing';
      readonly machine: number;
      readonly timeout: number;
      readonly duration: number;
      readonly bypass: boolean;
      readonly replace: boolean;
    }
  | { readonly kind: 'update-timer'; readonly machine: number; readonly duration: number; readonly replace: boolean };

/** The state of a running machine. */
interface MachineRuntime {
  readonly state: number;
  /** Actions left in this state; Infinity for no limit. */
  readonly limit: number;
  readonly counterA: number;
  readonly counterB: number;
  readonly paddingSent: number;
  readonly normalSent: number;
  /** Microseconds of blocking, up to the last time it ended. */
  readonly blocked: number;
}

export interface Framework {
  /**
   * Processes events in order, at `now` (whole microseconds, never decreasing). Returns the last request of each machine, or null. The next
   * call overwrites the list.
   */
  triggerEvents(events: readonly TriggerEvent[], now: number): readonly (TriggerAction | null)[];
  readonly runtime: readonly MachineRuntime[];
}

/** Limits of all machines together; 0 for no limit. */
export interface FrameworkLimits {
  /** Largest share of padding among the packets sent. */
  readonly maxPaddingFraction: number;
  /** Largest share of the time that is blocked. */
  readonly maxBlockingFraction: number;
}

/** Longest time or duration, in microseconds: a day. */
const LONGEST = 24 * 60 * 60 * 1e6;
/** Largest counter and limit, as in 64 bits; they are doubles here, exact up to 2^53. */
const LARGEST = 2 ** 64;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Runs machines: the `Framework` of the crate maybenot 2.2 (`framework.rs`), transition by transition. The one difference is that
 * random numbers come from `rng`, so a seed gives other draws than in the crate.
 * @param start microseconds, when the machines begin
 */
export function createFramework(
  machines: readonly Machine[],
  { maxPaddingFraction, maxBlockingFraction }: FrameworkLimits,
  start: number,
  rng: Rng,
): Framework {
  const allowedPadding = machines.map((machine) => Number(machine.allowedPaddingPackets));
  const allowedBlocking = machines.map((machine) => Number(machine.allowedBlockedMicroseconds));
  const actions = new Array<TriggerAction | null>(machines.length).fill(null);
  const runtime = machines.map(({ states }): Mutable<MachineRuntime> => {
    const { action } = states[0]!;
    // A first state without an action has a limit of 0, unlike a state that is entered, as in the original.
    const limit = action ? sampleLimit(action) : 0;
    return { state: 0, limit, counterA: 0, counterB: 0, paddingSent: 0, normalSent: 0, blocked: 0 };
  });
  let now = start;
  let normalSent = 0;
  let paddingSent = 0;
  let blocked = 0;
  /** Start of the current blocking; NaN for none. */
  let blockedSince = Number.NaN;
  /** The machine that does not get the pending signal; -1 for none, NaN without a signal. */
  let signalExcept = Number.NaN;
  /** Each counter may reach zero once in a call, so that machines do not loop for ever. */
  let zeroedA = false;
  let zeroedB = false;

  function sampleLimit(action: Action): number {
    if (action.kind === 'cancel' || !action.limit) return Number.POSITIVE_INFINITY;
    return Math.min(LARGEST, Math.round(sample(action.limit, rng)));
  }

  const sampleTime = (distribution: Distribution): number => Math.round(Math.min(LONGEST, sample(distribution, rng)));

  /** Draws the state that `event` leads to; -1 for none. */
  const nextState = (machine: number, event: Event): number => {
    const row = machines[machine]!.states[runtime[machine]!.state]!.transitions[event];
    if (!row) return -1;
    const u = rng.uniform();
    let sum = 0;
    for (const { to, probability } of row) {
      sum = Math.fround(sum + probability);
      if (u < sum) return to;
    }
    return -1;
  };

  /** Makes a transition; true if the machine changed its state, or left it and returned. */
  const transition = (machine: number, event: Event): boolean => {
    const own = runtime[machine]!;
    if (own.state === STATE_END) return false;
    const next = nextState(machine, event);
    if (next < 0) return false;
    if (next === STATE_END) {
      // Pending timers still expire.
      own.state = STATE_END;
      return true;
    }
    if (next === STATE_SIGNAL) {
      signalExcept = Number.isNaN(signalExcept) ? machine : -1;
      return false;
    }
    const before = own.state;
    if (before !== next) {
      own.state = next;
      const { action } = machines[machine]!.states[next]!;
      own.limit = action ? sampleLimit(action) : Number.POSITIVE_INFINITY;
    }
    // A counter that reaches zero makes another transition at once, whose action replaces the one of the state passed through.
    const allowed = isBelowLimits(machine);
    const zeroed = updateCounters(machine);
    const moved = zeroed && transition(machine, Event.COUNTER_ZERO);
    if (allowed && !(zeroed && actions[machine])) schedule(machine, next);
    return moved || own.state !== before;
  };

  /** Updates the counters; true if one reached zero for the first time in this call. */
  const updateCounters = (machine: number): boolean => {
    const own = runtime[machine]!;
    const [updateA, updateB] = machines[machine]!.states[own.state]!.counters;
    const { counterA, counterB } = own;
    let zeroed = false;
    if (updateA) {
      own.counterA = updated(counterA, updateA, counterB);
      if (counterA !== 0 && own.counterA === 0 && !zeroedA) zeroed = zeroedA = true;
    }
    if (updateB) {
      own.counterB = updated(counterB, updateB, counterA);
      if (counterB !== 0 && own.counterB === 0 && !zeroedB) zeroed = zeroedB = true;
    }
    return zeroed;
  };

  const updated = (counter: number, { operation, distribution, copy }: CounterUpdate, other: number): number => {
    const value = copy ? other : distribution ? Math.min(LARGEST, Math.trunc(sample(distribution, rng))) : 1;
    if (operation === 'set') return value;
    return operation === 'increment' ? Math.min(LARGEST, counter + value) : Math.max(0, counter - value);
  };

  const schedule = (machine: number, state: number): void => {
    const action = machines[machine]!.states[state]!.action;
    actions[machine] = action && requested(machine, action);
  };

  const requested = (machine: number, action: Action): TriggerAction => {
    switch (action.kind) {
      case 'cancel':
        return { kind: 'cancel', machine, timer: action.timer };
      case 'send-padding': {
        const { kind, bypass, replace } = action;
        return { kind, machine, timeout: sampleTime(action.timeout), bypass, replace };
      }
      case 'block-outgoing': {
        const { kind, bypass, replace } = action;
        const timeout = sampleTime(action.timeout);
        return { kind, machine, timeout, duration: sampleTime(action.duration), bypass, replace };
      }
      case 'update-timer':
        return { kind: 'update-timer', machine, duration: sampleTime(action.duration), replace: action.replace };
    }
  };

  /** Counts an action that was taken and did not leave the state. */
  const countDown = (machine: number): void => {
    const own = runtime[machine]!;
    if (own.limit > 0) own.limit--;
    const { action } = machines[machine]!.states[own.state]!;
    if (own.limit > 0 || !action || action.kind === 'cancel' || !action.limit) return;
    actions[machine] = null;
    transition(machine, Event.LIMIT_REACHED);
  };

  const isBelowLimits = (machine: number): boolean => {
    const own = runtime[machine]!;
    const { action } = machines[machine]!.states[own.state]!;
    switch (action?.kind) {
      case undefined:
        return false;
      case 'cancel':
        return true;
      case 'send-padding':
        return mayPad(machine);
      case 'block-outgoing':
        return mayBlock(machine, action.replace) && own.limit > 0;
      case 'update-timer':
        return own.limit > 0;
    }
  };

  const mayPad = (machine: number): boolean => {
    const own = runtime[machine]!;
    const left = own.limit > 0;
    if (own.paddingSent < allowedPadding[machine]!) return left;
    const { maxPaddingFraction: ownFraction } = machines[machine]!;
    if (ownFraction > 0) {
      const total = own.normalSent + own.paddingSent;
      // The limit of the state is ignored here, as in the original.
      if (total === 0) return true;
      if (own.paddingSent / total >= ownFraction) return false;
    }
    if (maxPaddingFraction > 0) {
      const total = normalSent + paddingSent;
      if (total === 0) return true;
      if (paddingSent / total >= maxPaddingFraction) return false;
    }
    return left;
  };

  const mayBlock = (machine: number, replace: boolean): boolean => {
    const lasting = !Number.isNaN(blockedSince);
    // Current blocking may always be replaced, so that a machine can make sure that it ends.
    if (replace && lasting) return true;
    const more = lasting ? now - blockedSince : 0;
    const own = runtime[machine]!.blocked + more;
    if (own < allowedBlocking[machine]!) return true;
    const { maxBlockingFraction: ownFraction } = machines[machine]!;
    const elapsed = now - start;
    if (ownFraction > 0 && own / elapsed >= ownFraction) return false;
    return !(maxBlockingFraction > 0 && (blocked + more) / elapsed >= maxBlockingFraction);
  };

  const toAll = (event: Event): void => {
    for (let machine = 0; machine < machines.length; machine++) transition(machine, event);
  };

  /** Passes an event to the machine whose action caused it, and counts that against the limit of its state. */
  const toOwner = (machine: number, event: Event): void => {
    if (!transition(machine, event) && runtime[machine]!.state !== STATE_END) countDown(machine);
  };

  const process = ({ event, machine = -1 }: TriggerEvent): void => {
    const known = machine in machines;
    switch (event) {
      case Event.NORMAL_SENT:
        normalSent++;
        for (let i = 0; i < machines.length; i++) {
          runtime[i]!.normalSent++;
          transition(i, event);
        }
        return;
      case Event.PADDING_SENT:
        paddingSent++;
        if (!known) return;
        runtime[machine]!.paddingSent++;
        toOwner(machine, event);
        return;
      case Event.BLOCKING_BEGIN:
        if (Number.isNaN(blockedSince)) blockedSince = now;
        for (let i = 0; i < machines.length; i++) {
          if (i === machine) toOwner(i, event);
          else transition(i, event);
        }
        return;
      case Event.BLOCKING_END: {
        const more = Number.isNaN(blockedSince) ? 0 : now - blockedSince;
        blocked += more;
        blockedSince = Number.NaN;
        for (let i = 0; i < machines.length; i++) {
          runtime[i]!.blocked += more;
          transition(i, event);
        }
        return;
      }
      case Event.TIMER_BEGIN:
        if (known) toOwner(machine, event);
        return;
      case Event.TIMER_END:
        if (known) transition(machine, event);
        return;
      default:
        toAll(event);
    }
  };

  /** Sends at most one round of signals per call; the machine that is left out gets the answer to its own signal. */
  const signal = (): void => {
    const except = signalExcept;
    if (Number.isNaN(except)) return;
    signalExcept = Number.NaN;
    for (let machine = 0; machine < machines.length; machine++) {
      if (machine !== except) transition(machine, Event.SIGNAL);
    }
    const answered = !Number.isNaN(signalExcept);
    signalExcept = Number.NaN;
    // A signal sent in response waits for the next call, as in the original.
    if (answered && except >= 0) transition(except, Event.SIGNAL);
  };

  return {
    runtime,
    triggerEvents(events, at) {
      actions.fill(null);
      zeroedA = false;
      zeroedB = false;
      now = at;
      for (const event of events) process(event);
      signal();
      return actions;
    },
  };
}
