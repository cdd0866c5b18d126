import { isSeen } from '../harness/observer/conclude.js';
import type { Identifier } from '../learning/attack.js';
import { portOf, type WindowOptions } from '../learning/build-windows.js';
import { mostProbable, ratio } from '../learning/scores.js';
import { COVER, NO_CLASS } from '../learning/windows.js';
import { Direction, type Trace } from '../trace/trace.js';
import { createHeld, type Held, nextRow, toWindows } from './held.js';
import { addTally, countPacket, createTally, ofClass, Sum, type Tally } from './tally.js';

export interface WatcherOptions {
  readonly identifier: Identifier;
  /** Classes of the model's card, and how often packets of others are mistaken for each. */
  readonly classes: readonly { readonly name: string; readonly category: 'iot' | 'non-iot' | null }[];
  readonly mistaken: readonly number[];
  /** How packets form windows; see setting.ts. */
  readonly windowing: Pick<WindowOptions, 'size' | 'mix' | 'port'>;
  /** Length in seconds of the recent past that is shown. */
  readonly span: number;
  /** Whether packets carry their true devices, to score answers; the model never sees them. */
  readonly isLabelled?: boolean;
  /** Most packets that wait for their windows to fill; beyond that, windows of the longest idle streams are closed. */
  readonly mostHeld?: number;
}

/** Packets attributed to a device in a span of time. Shares are of all packets in it; null where there are none. */
interface Standing {
  readonly seen: boolean;
  readonly packets: number;
  readonly bytes: number;
  readonly packetShare: number | null;
  readonly confidence: number | null;
}

/** Conclusions from the packets of a span of time. */
interface Moment {
  readonly packets: number;
  readonly bytes: number;
  /** Packets attributed to no device. */
  readonly unsure: { readonly packets: number; readonly bytes: number };
  /** Share of packets attributed to cover; null where the model has no such class or there are no packets. */
  readonly cover: number | null;
  /** Share of labelled devices' packets that are identified correctly; null without labels. */
  readonly accuracy: number | null;
}

export interface WatchedDevice {
  readonly name: string;
  readonly category: 'iot' | 'non-iot';
  readonly now: Standing;
  readonly all: Standing;
  /** Times of the first and last packet attributed to it, in seconds since the Unix epoch. */
  readonly first: number | null;
  readonly last: number | null;
  /** Number of packets attributed to it in each slot of `history`. */
  readonly history: readonly number[];
}

/** Conclusions of an observer at one time, by the rules of conclude.ts, from the last `span` seconds and from everything so far. */
export interface WatchState {
  /** Seconds since the Unix epoch; null before the first packet. */
  readonly time: number | null;
  readonly since: number | null;
  readonly span: number;
  readonly traffic: { readonly packets: number; readonly outbound: number; readonly inbound: number };
  readonly now: Moment;
  readonly all: Moment;
  readonly devices: readonly WatchedDevice[];
  /** Slots of `seconds` each, the oldest first; the last one is still running. */
  readonly history: {
    readonly seconds: number;
    readonly packets: readonly number[];
    readonly bytes: readonly number[];
  };
}

export interface Watcher {
  /** Adds packets as the observer sees them, in order of time, none earlier than those of the last call. */
  add(trace: Trace): Promise<void>;
  /**
   * Returns the conclusions at `now`, by default the time of the last packet. The model is asked about windows that are not full as
   * they are, so that the conclusions equal those of `identify` on a capture that ends here.
   */
  state(now?: number): Promise<WatchState>;
  /** Returns the sums of each slot that lies wholly between `from` and `to`, as far as they are still known. */
  slots(from: number, to: number): Promise<Tally[]>;
  readonly slotSeconds: number;
  /** Number of packets that wait for their windows to fill. */
  readonly held: number;
  /** Number of packets so far whose windows were closed before they were full. */
  readonly closedEarly: number;
}

/** Slots in a span, for the graphs. */
const SLOTS = 60;
/** Slots that are kept: a day, for a span of ten minutes. */
export const KEPT_SLOTS = 8640;
/** Traffic is averaged over the last whole slot and the running one, and over at least so many seconds. */
const RATE_SECONDS = 5;
const MOST_HELD = 1_000_000;
/** Most streams at a time; only `mix: flow` has many. */
const MOST_STREAMS = 20_000;

interface Stream {
  held: Held;
  /** Time of the last packet. */
  last: number;
}

/**
 * Watches packets as they come. Memory is bounded: it keeps the packets that wait for their windows, and sums of the past by slot of
 * time. Calls must not overlap.
 */
export function createWatcher(options: WatcherOptions): Watcher {
  const { identifier, classes, mistaken, windowing, span, isLabelled = false, mostHeld = MOST_HELD } = options;
  const { size, mix, port } = windowing;
  const names = classes.map(({ name }) => name);
  const devices = names.filter((name) => name !== COVER).length;
  const slotSeconds = span / SLOTS;
  const slotOf = (time: number) => Math.floor(time / slotSeconds);
  const all = createTally(classes.length);
  const slots = new Map<number, Tally>();
  const first = new Float64Array(classes.length).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(classes.length).fill(Number.NEGATIVE_INFINITY);
  /** Streams in the order of their last packets. */
  const streams = new Map<string, Stream>();
  let held = 0;
  let closedEarly = 0;
  let since: number | null = null;
  let latest = 0;

  const ask = async (some: readonly Held[]): Promise<void> => {
    if (some.length === 0) return;
    const probabilities = await identifier.predict(toWindows(some, size));
    const predicted = mostProbable(probabilities, classes.length);
    const device = isLabelled ? mostProbable(probabilities, classes.length, devices) : predicted;
    let at = 0;
    for (const one of some) {
      const { columns, count } = one;
      for (let row = 0; row < count; row++, at++) {
        const best = predicted[at]!;
        columns.predicted[row] = best;
        columns.confidence[row] = best === NO_CLASS ? 0 : probabilities[at * classes.length + best]!;
        columns.device[row] = device[at]!;
      }
      one.answered = count;
    }
  };

  /** Adds the packets of a window to the sums of their slots, and to the sums of all. */
  const count = ({ columns, count: rows }: Held, sums: Sums): void => {
    for (let row = 0; row < rows; row++) {
      const time = columns.time[row]!;
      const packet = {
        bytes: columns.length[row]!,
        isOutbound: columns.direction[row] === Direction.OUTBOUND,
        predicted: columns.predicted[row]!,
        confidence: columns.confidence[row]!,
        device: columns.device[row]!,
        truth: columns.truth[row]!,
      };
      if (countPacket(sums.all, packet)) {
        if (time < sums.first[packet.predicted]!) sums.first[packet.predicted] = time;
        if (time > sums.last[packet.predicted]!) sums.last[packet.predicted] = time;
      }
      const slot = slotOf(time);
      if (slot <= slotOf(latest) - KEPT_SLOTS) continue;
      let tally = sums.slots.get(slot);
      if (tally === undefined) {
        tally = createTally(classes.length);
        sums.slots.set(slot, tally);
      }
      countPacket(tally, packet);
    }
  };
  const kept: Sums = { all, slots, first, last };
  const settle = async (full: readonly Held[]): Promise<void> => {
    await ask(full);
    for (const one of full) count(one, kept);
    for (const slot of slots.keys()) if (slot <= slotOf(latest) - KEPT_SLOTS) slots.delete(slot);
  };

  const keysOf = (trace: Trace): ((row: number) => string) => {
    if (mix === 'single') return (row) => trace.devices[trace.device[row]!]?.name ?? '';
    if (mix === 'home') return () => '';
    const { flows } = trace;
    const keys = new Map<number, string>();
    return (row) => {
      const flow = trace.flow[row]!;
      let key = keys.get(flow);
      if (key === undefined) {
        const [here, there] = [flows.addresses[flows.localAddress[flow]!], flows.addresses[flows.remoteAddress[flow]!]];
        key = `${flows.transport[flow]} ${here} ${flows.localPort[flow]} ${there} ${flows.remotePort[flow]}`;
        keys.set(flow, key);
      }
      return key;
    };
  };

  /** Returns all sums so far, including windows that are not full yet. */
  const sumsNow = async (): Promise<Sums> => {
    const open = [...streams.values()].map((stream) => stream.held).filter((one) => one.count > 0);
    await ask(open.filter((one) => one.answered < one.count));
    const sums = {
      all: all.slice(),
      slots: new Map<number, Tally>(),
      first: first.slice(),
      last: last.slice(),
    };
    for (const one of open) count(one, sums);
    for (const [slot, tally] of slots) {
      const added = sums.slots.get(slot);
      if (added === undefined) sums.slots.set(slot, tally);
      else addTally(added, tally);
    }
    return sums;
  };

  const momentOf = (tally: Tally): Moment => {
    const packets = tally[Sum.PACKETS]!;
    const hasCover = devices < classes.length && packets > 0;
    return {
      packets,
      bytes: tally[Sum.BYTES]!,
      unsure: { packets: tally[Sum.UNSURE]!, bytes: tally[Sum.UNSURE_BYTES]! },
      cover: hasCover ? ofClass(tally, devices).packets / packets : null,
      accuracy: isLabelled ? ratio(tally[Sum.RIGHT]!, tally[Sum.SCORED]!) : null,
    };
  };
  const standingOf = (tally: Tally, c: number): Standing => {
    const own = ofClass(tally, c);
    const packets = tally[Sum.PACKETS]!;
    return { seen: isSeen(own.packets, packets, mistaken[c]!), ...own, packetShare: ratio(own.packets, packets) };
  };

  return {
    slotSeconds,
    get held() {
      return held;
    },
    get closedEarly() {
      return closedEarly;
    },
    async add(trace) {
      const keyOf = keysOf(trace);
      const classOf = trace.devices.map(({ name }) => {
        const c = isLabelled ? names.indexOf(name) : -1;
        return c < 0 || c >= devices ? NO_CLASS : c;
      });
      const full: Held[] = [];
      for (let row = 0; row < trace.packets; row++) {
        const time = trace.time[row]!;
        since ??= time;
        latest = Math.max(latest, time);
        const key = keyOf(row);
        let stream = streams.get(key);
        if (stream === undefined) stream = { held: createHeld(), last: time };
        else if (mix !== 'home') streams.delete(key);
        streams.set(key, stream);
        const at = nextRow(stream.held);
        const { columns } = stream.held;
        columns.time[at] = time;
        columns.length[at] = trace.length[row]!;
        columns.port[at] = portOf(trace, row, port);
        columns.protocols[at] = trace.protocols[row]!;
        columns.direction[at] = trace.direction[row]!;
        columns.interval[at] = time - stream.last;
        columns.truth[at] = trace.cover[row] !== 0 ? NO_CLASS : (classOf[trace.device[row]!] ?? NO_CLASS);
        stream.last = time;
        held++;
        if (stream.held.count === size) {
          full.push(stream.held);
          held -= size;
          stream.held = createHeld();
        }
        while (held > mostHeld || streams.size > MOST_STREAMS) {
          const [oldest, idle] = streams.entries().next().value!;
          streams.delete(oldest);
          if (idle.held.count > 0) full.push(idle.held);
          held -= idle.held.count;
          closedEarly += idle.held.count;
        }
      }
      await settle(full);
    },
    async state(now = latest) {
      const sums = await sumsNow();
      const end = slotOf(now);
      const history = Array.from({ length: SLOTS }, (_, i) => sums.slots.get(end - SLOTS + 1 + i));
      const recent = createTally(classes.length);
      for (const tally of history) if (tally) addTally(recent, tally);
      const rateSlots = Math.ceil(RATE_SECONDS / slotSeconds);
      const rateFrom = Math.max(since ?? now, (end - rateSlots) * slotSeconds);
      const rated = createTally(classes.length);
      for (const tally of history.slice(-1 - rateSlots)) if (tally) addTally(rated, tally);
      const seconds = Math.max(1, now - rateFrom);
      const orNull = (time: number) => (Number.isFinite(time) ? time : null);
      return {
        time: since === null ? null : now,
        since,
        span,
        traffic: {
          packets: rated[Sum.PACKETS]! / seconds,
          outbound: rated[Sum.OUTBOUND]! / seconds,
          inbound: (rated[Sum.BYTES]! - rated[Sum.OUTBOUND]!) / seconds,
        },
        now: momentOf(recent),
        all: momentOf(sums.all),
        devices: classes.flatMap(({ name, category }, c): WatchedDevice[] =>
          category === null
            ? []
            : [
                {
                  name,
                  category,
                  now: standingOf(recent, c),
                  all: standingOf(sums.all, c),
                  first: orNull(sums.first[c]!),
                  last: orNull(sums.last[c]!),
                  history: history.map((tally) => (tally ? ofClass(tally, c).packets : 0)),
                },
              ],
        ),
        history: {
          seconds: slotSeconds,
          packets: history.map((tally) => tally?.[Sum.PACKETS] ?? 0),
          bytes: history.map((tally) => tally?.[Sum.BYTES] ?? 0),
        },
      };
    },
    async slots(from, to) {
      const sums = await sumsNow();
      const tallies: Tally[] = [];
      for (let slot = Math.ceil(from / slotSeconds); (slot + 1) * slotSeconds <= to; slot++) {
        tallies.push(sums.slots.get(slot) ?? createTally(classes.length));
      }
      return tallies;
    },
  };
}

/** Sums over all packets and by slot, and the times at which each class was first and last attributed a packet. */
interface Sums {
  readonly all: Tally;
  readonly slots: Map<number, Tally>;
  readonly first: Float64Array;
  readonly last: Float64Array;
}
