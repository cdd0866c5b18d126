import { Direction, PROTOCOL_NAMES, type Trace } from '../../trace/trace.js';
import { balance, offBy } from './balance.js';
import { createCapturedClock, spansOf } from './captured-time.js';
import { findChannels, SILENCE_SECONDS } from './channels.js';
import { findDependence } from './dependence.js';
import { type Distribution, distributionOf, lowest, valueAt } from './distribution.js';
import { gapClass, gapCuts, significant } from './gaps.js';
import type { FittedChannel, FittedContext, FittedDevice, FittedKind, FittedPacket } from './profile.js';
import { findRecurrences } from './recurrence.js';
import { findRhythm, RHYTHM_SECONDS, toRhythm } from './rhythm.js';
import { learnSequence } from './sequence.js';
import { findServices, type ServiceTable } from './services.js';

export interface FitOptions {
  /** Longest context, in packets. */
  readonly order: number;
  /** See {@link learnSequence}: a lower price makes larger and more detailed profiles. */
  readonly price: number;
}

const FIT_DEFAULTS: FitOptions = { order: 12, price: 1 };

/** Most frame lengths of a service and direction that are kinds of their own, if each has a share of {@link OWN_LENGTH_SHARE}. */
const MOST_LENGTHS = 48;
const OWN_LENGTH_SHARE = 0.002;
/** Classes of the other lengths for each doubling. */
const LENGTH_CLASSES = 2;
/** Most flows of a service that are distinguished by their last use. */
const MOST_FLOWS = 4;
/** More than the length of any frame. */
const MOST_LENGTH = 2 ** 20;
/** Logarithm of the largest error of a channel's rate before a simpler sequence is tried. */
const WORST_RATE = Math.log(1.2);
/** Fewest packets of a kind that show classes in their gaps. */
const FEWEST_TO_CLASS = 50;
/** Number of the most frequent kinds that can be clocks of others, and fewest packets that show it. */
const MOST_CLOCKS = 16;
const FEWEST_TO_CLOCK = 8;
/** Most timers of one kind that alternate. */
const MOST_BACK = 3;

export interface FittedTrace {
  readonly devices: FittedDevice[];
  /** Names of devices without packets. */
  readonly silent: readonly string[];
  readonly capturedSeconds: number;
}

/**
 * Learns a model of each device's traffic from a labelled trace: its services, the channels of services that depend on each other, and
 * for each channel the sequence of packets and gaps.
 */
export function fitDevices(trace: Trace, options: FitOptions = FIT_DEFAULTS): FittedTrace {
  const rowsOf: number[][] = trace.devices.map(() => []);
  for (let i = 0; i < trace.packets; i++) if (trace.cover[i] === 0) rowsOf[trace.device[i]!]?.push(i);
  const files = spansOf(trace);
  const devices: FittedDevice[] = [];
  const silent: string[] = [];
  for (const [device, { name, category }] of trace.devices.entries()) {
    const rows = Uint32Array.from(rowsOf[device]!);
    if (rows.length === 0) {
      silent.push(name);
      continue;
    }
    const captured = createCapturedClock(files.filter(({ devices }) => devices.size > 1 || devices.has(device)));
    // A device may not have been there before its first packet. After its last one it may just be silent.
    const begin = captured.at(trace.time[rows[0]!]!);
    const time = (row: number) => captured.at(trace.time[row]!) - begin;
    const span = Math.max(captured.seconds - begin, 1);
    const table = findServices(trace, rows);
    const strands = findStrands(trace, rows, table);
    const series = strands.map((members) => Float64Array.from(members, time));
    const channels = findChannels(series, span).map((members) => {
      const own =
        members.length === 1 ? strands[members[0]!]! : members.flatMap((s) => strands[s]!).sort((a, b) => a - b);
      return fitChannel(trace, time, own, table, span, options);
    });
    devices.push({ name, category, packets: rows.length, services: [...table.services], channels });
  }
  return { devices, silent, capturedSeconds: createCapturedClock(files).seconds };
}

function fitChannel(
  trace: Trace,
  time: (row: number) => number,
  rows: readonly number[],
  table: ServiceTable,
  span: number,
  options: FitOptions,
): FittedChannel {
  const n = rows.length;
  const times = Float64Array.from(rows, time);
  // The capture forms a circle: it repeats after its own length, which keeps the rate.
  const gaps = times.map((now, i) => Math.max(0, i > 0 ? now - times[i - 1]! : span - (times[n - 1]! - now)));

  const { from, to } = { from: trace.time[rows[0]!]!, to: trace.time[rows.at(-1)!]! };
  const rhythm = findRhythm(
    Float64Array.from(rows, (row) => trace.time[row]!),
    from,
    to,
  );
  const kinds = kindsOf(trace, rows, table);
  const symbols = symbolsOf(kinds, gaps, rows, trace, table);
  const clocks = createClocks(times, kinds);
  const packets = symbols.members.map((members): FittedPacket => {
    let gapSeconds = distributionOf(
      members.map((i) => gaps[i]!),
      significant,
    );
    const clock = lowest(gapSeconds) >= SILENCE_SECONDS ? clocks(members, gapSeconds) : undefined;
    const rhythmic = rhythm !== null && !clock && lowest(gapSeconds) >= RHYTHM_SECONDS;
    const timed = clock
      ? clock.lags
      : members.map((i) => (rhythmic ? toRhythm(rhythm, trace.time[rows[i]!]! - gaps[i]!, gaps[i]!) : gaps[i]!));
    if (rhythmic) gapSeconds = distributionOf(timed, significant);
    const dependence = findDependence(timed);
    return {
      kind: kinds.kind[members[0]!]!,
      gapSeconds,
      ...(rhythmic && { rhythmic }),
      ...(clock && { clock: { kind: clock.kind, back: clock.back, seconds: clock.seconds } }),
      ...dependence,
      count: members.length,
    };
  });
  const packetsPerHour = significant((n / span) * 3600);
  const base = {
    packetsPerHour,
    rhythm,
    kinds: kinds.members.map((own) => describeKind(trace, rows, own, kinds, table)),
  };
  const ownKinds = packets.map(({ kind }) => kind);
  let best: ReturnType<typeof balance> | undefined;
  for (const attempt of [options, { ...options, price: 3 * options.price }, { order: 1, price: 0 }]) {
    const contexts = learnSequence(symbols.symbol, attempt).map(
      ({ after, next }): FittedContext => ({
        after: [...after],
        next: [...next].sort((a, b) => b[1] - a[1] || a[0] - b[0]),
      }),
    );
    const recurrences = findRecurrences(symbols.symbol, times, ownKinds, contexts);
    const recurring = packets.map((packet, s) => (recurrences[s] ? { ...packet, recurrence: recurrences[s] } : packet));
    const tried = balance({ ...base, packets: recurring, contexts });
    if (!best || offBy(tried.rate) < offBy(best.rate)) best = tried;
    if (offBy(best.rate) < WORST_RATE) break;
  }
  return best!.channel;
}

function describeKind(
  trace: Trace,
  rows: readonly number[],
  members: readonly number[],
  { flow }: Kinds,
  { ofFlow }: ServiceTable,
): FittedKind {
  const row = rows[members[0]!]!;
  const protocols = trace.protocols[row]!;
  return {
    service: ofFlow[trace.flow[row]!]!,
    direction: trace.direction[row] === Direction.OUTBOUND ? 'out' : 'in',
    bytes: distributionOf(
      members.map((i) => trace.length[rows[i]!]!),
      Math.round,
    ),
    protocols: PROTOCOL_NAMES.filter((_, bit) => (protocols & (1 << bit)) !== 0),
    flow: flow[members[0]!]! < 0 ? 'new' : flow[members[0]!]!,
  };
}

/**
 * Series of packets that may have their own timing: services, and frames without IP by their length, since no ports separate address
 * resolution from key exchanges of the link.
 */
function findStrands(trace: Trace, rows: Uint32Array, { services, ofFlow }: ServiceTable): number[][] {
  const strands = new Map<number, number[]>();
  for (const row of rows) {
    const service = ofFlow[trace.flow[row]!]!;
    const key = service + (services[service]!.reach === 'link' ? MOST_LENGTH * trace.length[row]! : 0);
    const strand = strands.get(key);
    if (strand) strand.push(row);
    else strands.set(key, [row]);
  }
  return [...strands.values()];
}

interface FoundClock {
  readonly kind: number;
  readonly back: number;
  readonly seconds: Distribution;
  readonly lags: readonly number[];
}

type FindClock = (members: readonly number[], gapSeconds: Distribution) => FoundClock | undefined;

/** Finds the clock of packets: the kind after whose last packet they follow most steadily, if that halves the spread. */
function createClocks(times: Float64Array, { kind, members }: Kinds): FindClock {
  const spread = (d: Distribution) => valueAt(d, 0.9) - valueAt(d, 0.1);
  // The place of the last packet of a kind before each place, computed on demand.
  const before = new Map<number, Int32Array>();
  const lastOf = (k: number) => {
    let places = before.get(k);
    if (!places) {
      places = new Int32Array(kind.length);
      let last = -1;
      for (let i = 0; i < kind.length; i++) {
        places[i] = last;
        if (kind[i] === k) last = i;
      }
      before.set(k, places);
    }
    return places;
  };
  const frequent = [...members.keys()].sort((a, b) => members[b]!.length - members[a]!.length).slice(0, MOST_CLOCKS);
  return (own, gapSeconds) => {
    if (own.length < FEWEST_TO_CLOCK) return undefined;
    let best: FoundClock | undefined;
    let least = spread(gapSeconds) / 2;
    const ownKind = kind[own[0]!]!;
    for (const candidate of new Set([ownKind, ...frequent])) {
      const places = lastOf(candidate);
      // Two timers that send the same packets alternate: each packet follows steadily after the last but one.
      for (let back = 1; back <= (candidate === ownKind ? MOST_BACK : 1); back++) {
        const lags: number[] = [];
        for (const i of own) {
          let place = i;
          for (let step = 0; step < back && place >= 0; step++) place = places[place]!;
          if (place >= 0) lags.push(times[i]! - times[place]!);
        }
        if (lags.length < own.length - back) continue;
        const seconds = distributionOf(lags, significant);
        if (spread(seconds) >= (back === 1 ? least : least / 2)) continue;
        least = spread(seconds);
        best = { kind: candidate, back, seconds, lags };
      }
    }
    return best;
  };
}

/** The kind of each packet, that is everything but its time: equal numbers for equal kinds. */
interface Kinds {
  readonly kind: Int32Array;
  /** Places of the packets of each kind. */
  readonly members: readonly (readonly number[])[];
  /** -1 for the first packet of a flow, else the number of other flows of the service used since its last one. */
  readonly flow: Int8Array;
}

function kindsOf(trace: Trace, rows: readonly number[], { ofFlow, services }: ServiceTable): Kinds {
  const n = rows.length;
  const flow = new Int8Array(n);
  const recent: number[][] = services.map(() => []);
  const seen = new Set<number>();
  const lengths = lengthClasses(trace, rows, ofFlow);
  const ids = new Map<string, number>();
  const kind = new Int32Array(n);
  const members: number[][] = [];
  for (let i = 0; i < n; i++) {
    const row = rows[i]!;
    const f = trace.flow[row]!;
    const service = ofFlow[f]!;
    const stack = recent[service]!;
    const rank = stack.indexOf(f);
    flow[i] = seen.has(f) ? (rank < 0 ? MOST_FLOWS - 1 : rank) : -1;
    seen.add(f);
    if (rank >= 0) stack.splice(rank, 1);
    stack.unshift(f);
    if (stack.length > MOST_FLOWS) stack.pop();
    const key = `${service} ${trace.direction[row]} ${lengths(row)} ${trace.protocols[row]} ${flow[i]}`;
    let id = ids.get(key);
    if (id === undefined) {
      id = ids.size;
      ids.set(key, id);
    }
    kind[i] = id;
    if (id === members.length) members.push([i]);
    else members[id]!.push(i);
  }
  return { kind, members, flow };
}

/** Returns a function from a packet to its class of length among packets of the same service and direction. */
function lengthClasses(trace: Trace, rows: readonly number[], ofFlow: Int32Array): (row: number) => number {
  const sideOf = (row: number) => ofFlow[trace.flow[row]!]! * 2 + trace.direction[row]!;
  const counts = new Map<number, Map<number, number>>();
  for (const row of rows) {
    const side = counts.get(sideOf(row)) ?? new Map<number, number>();
    side.set(trace.length[row]!, (side.get(trace.length[row]!) ?? 0) + 1);
    counts.set(sideOf(row), side);
  }
  const own = new Map<number, Set<number>>();
  for (const [side, lengths] of counts) {
    const total = [...lengths.values()].reduce((sum, count) => sum + count, 0);
    const often = [...lengths].filter(([, count]) => count >= Math.max(2, OWN_LENGTH_SHARE * total));
    often.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    own.set(side, new Set(often.slice(0, MOST_LENGTHS).map(([length]) => length)));
  }
  return (row) => {
    const length = trace.length[row]!;
    // A length of its own is its class; the other classes are negative.
    return own.get(sideOf(row))!.has(length) ? length : -Math.floor(LENGTH_CLASSES * Math.log2(Math.max(length, 1)));
  };
}

/** The channel as a sequence of symbols, each a kind of packet after a class of gap, the most frequent first. */
function symbolsOf(
  { kind, members: kinds }: Kinds,
  gaps: Float64Array,
  rows: readonly number[],
  trace: Trace,
  { ofFlow }: ServiceTable,
): { symbol: Int32Array; members: number[][] } {
  // Kinds with too few gaps share the classes of their service and direction.
  const sideOf = (i: number) => {
    const own = kind[i]!;
    return kinds[own]!.length >= FEWEST_TO_CLASS
      ? own
      : -1 - (ofFlow[trace.flow[rows[i]!]!]! * 2 + trace.direction[rows[i]!]!);
  };
  const sides = new Map<number, number[]>();
  for (let i = 0; i < rows.length; i++) {
    const side = sides.get(sideOf(i));
    if (side) side.push(gaps[i]!);
    else sides.set(sideOf(i), [gaps[i]!]);
  }
  const cuts = new Map([...sides].map(([side, own]) => [side, gapCuts(own)]));
  const members = new Map<number, number[]>();
  for (let i = 0; i < rows.length; i++) {
    const key = kind[i]! * 256 + gapClass(cuts.get(sideOf(i))!, gaps[i]!);
    const own = members.get(key);
    if (own) own.push(i);
    else members.set(key, [i]);
  }
  const ordered = [...members.values()].sort((a, b) => b.length - a.length || a[0]! - b[0]!);
  const symbol = new Int32Array(rows.length);
  for (const [s, own] of ordered.entries()) for (const i of own) symbol[i] = s;
  return { symbol, members: ordered };
}
