import type { Rng } from '../../shared/rng.js';
import { Direction } from '../../trace/trace.js';
import type { Link, PacketRef } from '../shaper.js';
import {
  createFramework,
  type Framework,
  type FrameworkLimits,
  type TriggerAction,
  type TriggerEvent,
} from './framework.js';
import { Event, type Machine } from './machine.js';

/** Puts frames of the ends on the wire. */
export interface Wire {
  packet(p: PacketRef, link: Link): void;
  padding(direction: Direction, link: Link): void;
}

export interface EndsOptions extends FrameworkLimits {
  /**
   * Most timers of machines that expire at each end, a second and at one moment; others expire late. A timer set in response to the start
   * of another counts too, and is not set above the rate.
   */
  readonly rate: number;
}

/** Both ends of a tunnel, each with its own machines, seen from the gateway. */
export interface Ends {
  /** Passes a real packet to the end that sends it. */
  packet(p: PacketRef, link: Link): void;
  /** Carries out everything that is due at `link.now`. */
  advance(link: Link): void;
  /** Time of the next `advance`, in seconds; Infinity for never. */
  readonly next: number;
  /** Real packets that blocking holds back. */
  readonly held: number;
  /** Sends the held packets, without events for the machines. */
  release(link: Link): void;
}

interface Padding {
  /** True if it may overtake held frames, where the blocking allows it. */
  readonly bypass: boolean;
}

const PADDING: Padding = { bypass: false };
const BYPASSING: Padding = { bypass: true };
/** Most padding frames that blocking holds back; others are discarded. */
const MOST_PADDING_HELD = 1000;
/** Timers that may expire at one moment, in seconds of the rate. */
const BURST = 1;

/** One end: its machines, their timers, and frames that wait while outgoing traffic is blocked. */
interface End {
  readonly direction: Direction;
  /** Null without machines. */
  readonly framework: Framework | null;
  /** Scheduled action of each machine, and its time in seconds; Infinity for none. */
  readonly scheduled: (Scheduled | null)[];
  readonly actionDue: Float64Array;
  readonly timerDue: Float64Array;
  /** End of the blocking, in seconds; NaN without blocking. */
  blockedUntil: number;
  bypassable: boolean;
  waiting: (PacketRef | Padding)[];
  held: number;
  /** Time in seconds up to which the expired timers, spread evenly at the rate, reach. */
  busyUntil: number;
}

type Scheduled = Extract<TriggerAction, { kind: 'send-padding' | 'block-outgoing' }>;

interface Told {
  readonly end: End;
  readonly events: readonly [TriggerEvent];
}

const plain = (event: TriggerEvent['event']): readonly [TriggerEvent] => [{ event }];
const NORMAL_SENT = plain(Event.NORMAL_SENT);
const TUNNEL_SENT = plain(Event.TUNNEL_SENT);
const TUNNEL_RECV = plain(Event.TUNNEL_RECV);
const NORMAL_RECV = plain(Event.NORMAL_RECV);
const PADDING_RECV = plain(Event.PADDING_RECV);
const BLOCKING_END = plain(Event.BLOCKING_END);

const microseconds = (seconds: number): number => Math.round(seconds * 1e6);
const isPadding = (item: PacketRef | Padding): item is Padding => 'bypass' in item;
const isBlocked = ({ blockedUntil }: End): boolean => !Number.isNaN(blockedUntil);

/**
 * Integrates machines at both ends as the documentation of the crate maybenot 2.2 prescribes (`lib.rs`, `action.rs`, `event.rs`), in the
 * order of its simulator: at one moment blocking ends first, then waiting frames leave, then events are triggered, then internal
 * timers expire, then scheduled actions are taken. Timers due when a packet arrives expire before it, as everywhere here. The network
 * between the ends takes no time. Where the two sources differ or leave a choice: padding with the flag `replace` gives way to any
 * waiting frame, padding too (the documentation); `TimerBegin` is triggered only where the timer was set (the simulator); blocking
 * without a duration begins, then ends.
 * @param machines machines of the far end, whose outgoing traffic is inbound, and of the home
 */
export function createEnds(
  machines: readonly [inbound: readonly Machine[], outbound: readonly Machine[]],
  options: EndsOptions,
  wire: Wire,
  start: number,
  rng: Rng,
): Ends {
  const createEnd = (direction: Direction): End => {
    const own = machines[direction];
    const never = () => new Float64Array(own.length).fill(Number.POSITIVE_INFINITY);
    return {
      direction,
      framework: own.length === 0 ? null : createFramework(own, options, microseconds(start), rng),
      scheduled: own.map(() => null),
      actionDue: never(),
      timerDue: never(),
      blockedUntil: Number.NaN,
      bypassable: false,
      waiting: [],
      held: 0,
      busyUntil: Number.NEGATIVE_INFINITY,
    };
  };
  const ends: readonly [End, End] = [createEnd(Direction.INBOUND), createEnd(Direction.OUTBOUND)];
  /** Events; those from `toldUpTo` on are still to be triggered. */
  let happened: Told[] = [];
  let toldUpTo = 0;
  let next = Number.POSITIVE_INFINITY;

  const tell = (end: End, events: readonly [TriggerEvent]): void => {
    if (end.framework) happened.push({ end, events });
  };

  const transmit = (end: End, item: PacketRef | Padding, link: Link): void => {
    const other = ends[end.direction === Direction.INBOUND ? Direction.OUTBOUND : Direction.INBOUND];
    if (isPadding(item)) wire.padding(end.direction, link);
    else wire.packet(item, link);
    tell(end, TUNNEL_SENT);
    tell(other, TUNNEL_RECV);
    tell(other, isPadding(item) ? PADDING_RECV : NORMAL_RECV);
  };

  const wait = (end: End, item: PacketRef | Padding): void => {
    if (!isPadding(item)) end.held++;
    else if (end.waiting.length - end.held >= MOST_PADDING_HELD) return;
    end.waiting.push(item);
  };

  const sendFirst = (end: End, link: Link): void => {
    const item = end.waiting.shift()!;
    if (!isPadding(item)) end.held--;
    transmit(end, item, link);
  };

  const sendAll = (end: End, link: Link): void => {
    const { waiting } = end;
    end.waiting = [];
    end.held = 0;
    for (const item of waiting) transmit(end, item, link);
  };

  const pad = (end: End, { machine, bypass, replace }: Scheduled, link: Link): void => {
    tell(end, [{ event: Event.PADDING_SENT, machine }]);
    const passes = !isBlocked(end) || (bypass && end.bypassable);
    // A waiting frame replaces the padding: now if the padding may pass, else when the frame leaves.
    if (replace && end.waiting.length > 0) {
      if (passes) sendFirst(end, link);
    } else if (passes) transmit(end, PADDING, link);
    else wait(end, bypass ? BYPASSING : PADDING);
  };

  const block = (
    end: End,
    { machine, bypass, replace, duration }: Extract<Scheduled, { duration: number }>,
    link: Link,
  ) => {
    const until = link.now + duration / 1e6;
    if (replace || !(until <= end.blockedUntil)) {
      end.blockedUntil = until;
      end.bypassable = bypass;
    }
    tell(end, [{ event: Event.BLOCKING_BEGIN, machine }]);
    if (!end.bypassable || end.waiting.length === end.held) return;
    const { waiting } = end;
    end.waiting = waiting.filter((item) => item !== BYPASSING);
    for (let left = waiting.length - end.waiting.length; left > 0; left--) transmit(end, BYPASSING, link);
  };

  const obey = (end: End, action: TriggerAction, now: number): void => {
    const { machine } = action;
    switch (action.kind) {
      case 'cancel':
        if (action.timer !== 'internal') end.actionDue[machine] = Number.POSITIVE_INFINITY;
        if (action.timer !== 'action') end.timerDue[machine] = Number.POSITIVE_INFINITY;
        return;
      case 'update-timer': {
        const due = now + action.duration / 1e6;
        const set = end.timerDue[machine]!;
        if (!action.replace && set !== Number.POSITIVE_INFINITY && due <= set) return;
        end.timerDue[machine] = due;
        tell(end, [{ event: Event.TIMER_BEGIN, machine }]);
        return;
      }
      default:
        end.scheduled[machine] = action;
        end.actionDue[machine] = now + action.timeout / 1e6;
    }
  };

  /** Counts an expired timer against the rate; false where the end is above it. */
  const mayGoOn = (end: End, now: number): boolean => {
    if (end.busyUntil - BURST > now) return false;
    end.busyUntil = Math.max(end.busyUntil, now) + 1 / options.rate;
    return true;
  };

  /** Triggers the next event; false where none is left. */
  const tellNext = (now: number): boolean => {
    if (toldUpTo === happened.length) {
      if (toldUpTo > 0) happened = [];
      toldUpTo = 0;
      return false;
    }
    const { end, events } = happened[toldUpTo++]!;
    for (const action of end.framework!.triggerEvents(events, microseconds(now))) {
      // A machine that sets a timer in response to its start would loop at one moment.
      const isLoop = action?.kind === 'update-timer' && events[0].event === Event.TIMER_BEGIN;
      if (action && !(isLoop && !mayGoOn(end, now))) obey(end, action, now);
    }
    return true;
  };

  const endBlocking = (end: End, link: Link): void => {
    if (end.blockedUntil <= link.now) {
      end.blockedUntil = Number.NaN;
      tell(end, BLOCKING_END);
    }
    if (!isBlocked(end) && end.waiting.length > 0) sendAll(end, link);
  };

  /** Clears the earliest timer that has expired, if the rate allows it, and returns its machine; -1 for none. */
  const runOut = (end: End, due: Float64Array, now: number): number => {
    const machine = earliest(due);
    if (!(due[machine]! <= now && mayGoOn(end, now))) return -1;
    due[machine] = Number.POSITIVE_INFINITY;
    return machine;
  };

  const timerRanOut = (end: End, { now }: Link): boolean => {
    const machine = runOut(end, end.timerDue, now);
    if (machine >= 0) tell(end, [{ event: Event.TIMER_END, machine }]);
    return machine >= 0;
  };

  const actionTaken = (end: End, link: Link): boolean => {
    const machine = runOut(end, end.actionDue, link.now);
    if (machine < 0) return false;
    const action = end.scheduled[machine]!;
    if (action.kind === 'send-padding') pad(end, action, link);
    else block(end, action, link);
    return true;
  };

  const nextOf = (end: End): number => {
    const timers = Math.min(least(end.timerDue), least(end.actionDue));
    const next = Math.max(timers, end.busyUntil - BURST);
    return isBlocked(end) ? Math.min(end.blockedUntil, next) : next;
  };

  const advance = (link: Link): void => {
    do {
      for (const end of ends) endBlocking(end, link);
    } while (
      tellNext(link.now) ||
      ends.some((end) => timerRanOut(end, link)) ||
      ends.some((end) => actionTaken(end, link))
    );
    next = Math.min(nextOf(ends[0]), nextOf(ends[1]));
  };

  return {
    packet(p, link) {
      const end = ends[p.direction];
      tell(end, NORMAL_SENT);
      if (isBlocked(end)) wait(end, p);
      else transmit(end, p, link);
      advance(link);
    },
    advance,
    get next() {
      return next;
    },
    get held() {
      return ends[0].held + ends[1].held;
    },
    release(link) {
      for (const end of ends) {
        for (const item of end.waiting) if (!isPadding(item)) wire.packet(item, link);
        end.waiting = [];
        end.held = 0;
      }
    },
  };
}

/** Index of the smallest value; -1 for none. */
function earliest(due: Float64Array): number {
  let best = due.length > 0 ? 0 : -1;
  for (let i = 1; i < due.length; i++) if (due[i]! < due[best]!) best = i;
  return best;
}

function least(due: Float64Array): number {
  return due[earliest(due)] ?? Number.POSITIVE_INFINITY;
}
