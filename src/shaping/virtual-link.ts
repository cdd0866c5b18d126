import { InputError } from '../shared/errors.js';
import { formatBytes, formatCount, formatShare } from '../shared/quantities.js';
import type { Rng } from '../shared/rng.js';
import { observedSeconds } from '../trace/clock.js';
import { type Direction, NO_DEVICE, type Trace } from '../trace/trace.js';
import type { Carried } from './account.js';
import { type Actor, type Clock, createLedger } from './ledger.js';
import { createOutput } from './output.js';
import {
  type AppliedDefense,
  type Link,
  type PacketRef,
  type Part,
  type Scope,
  scopeOfDefense,
  TooManyFrames,
} from './shaper.js';
import { createTally, type Tally } from './tally.js';
import { createTimers } from './timers.js';

/** One defense on a virtual clock: packets of a trace go in, and frames come out. */
export interface VirtualLink {
  /** Frames sent so far. */
  readonly frames: number;
  /** Begins a stretch of time without gaps: shapers, timers and the clock start anew. */
  begin(chance: Rng): void;
  /** Runs the timers that are due up to the next packet of the trace, and hands it to its shaper. */
  packet(): void;
  /** Ends the input of the stretch, and runs all timers that are left. */
  end(): void;
  /** The frames, and the packets in them. */
  finish(): Carried;
}

/** A shaper of one flow or device, or of the home. */
interface VirtualActor extends Actor {
  /** The flow or device; 0 for the home. */
  readonly key: number;
  rng: Rng | null;
  last: PacketRef;
}

export function createVirtualLink(trace: Trace, applied: AppliedDefense, maximumFrames: number): VirtualLink {
  const { defense, parameters, knowledge } = applied;
  const scope = scopeOfDefense(defense, parameters);
  const clock: Clock = { now: Number.NEGATIVE_INFINITY, isClosing: false };
  const ledger = createLedger<VirtualActor>(defense.name, clock, trace.packets);
  const output = createOutput(trace, Math.min(maximumFrames, FIRST_ASKED), () =>
    nextLimit({ ...output, ...clock, arrived: ledger.arrived }, trace, defense.name, maximumFrames),
  );
  const actorOf = new Int32Array(actorKeys(trace, scope)).fill(-1);
  let actors: VirtualActor[] = [];
  let timers = createTimers();
  let rng: Rng;
  const link = createLink();

  function createLink(): Link {
    const tally = createTally();
    const tunnel = defense.tunnel?.(parameters) ?? null;
    const outside = tunnel && { protocols: tunnel.protocols, port: tunnel.port, flow: 0, device: NO_DEVICE };
    const { file } = trace;
    return {
      get now() {
        return clock.now;
      },
      get rng() {
        const current = ledger.acting();
        current.rng ??= rng.stream(current.key);
        return current.rng;
      },
      send(p, wireBytes, userBytes = ledger.left(p.id)) {
        ledger.checkFrame(wireBytes);
        ledger.take(p.id, userBytes);
        output.frame(clock.now, wireBytes, p.direction, outside ?? p, p.device, file[p.id]!);
        output.carry(p.id, userBytes);
      },
      sendCell(parts, wireBytes) {
        ledger.checkCell(parts, wireBytes);
        const like = largestPart(parts, tally);
        output.frame(clock.now, wireBytes, like.direction, outside ?? like, like.device, file[like.id]!);
        for (const part of parts) {
          ledger.takePart(part, like);
          output.carry(part.packet.id, part.bytes);
        }
      },
      cover(direction, wireBytes, like) {
        const { last } = ledger.checkCover(direction, wireBytes);
        const device = like ? like.device : scope === 'home' ? NO_DEVICE : last.device;
        output.frame(clock.now, wireBytes, direction, outside ?? like ?? last, device, file[last.id]!);
      },
      openFlow(flow) {
        return output.openFlow(flow, link.rng.integer(1024, 65_535), ledger.acting().last.flow);
      },
      drop(p) {
        ledger.drop(p.id);
      },
      wakeAt(time) {
        timers.set(ledger.acting().index, ledger.checkTimer(time));
      },
    };
  }

  /** The shaper that packet `p` comes to, created with its first one. */
  function actorFor(p: PacketRef): VirtualActor {
    const key = scope === 'flow' ? p.flow : scope === 'device' ? p.device : 0;
    let index = actorOf[key]!;
    if (index < 0) {
      index = actors.length;
      actorOf[key] = index;
      const shaper = defense.create(parameters, knowledge);
      actors.push({ index, shaper, wokenAt: clock.now, idleWakes: 0, key, rng: null, last: p });
    }
    return actors[index]!;
  }

  function wake(): void {
    clock.now = timers.next();
    ledger.wake(actors[timers.take()]!, link);
  }

  const { time, length, direction, protocols, port, flow, device } = trace;
  const { header } = trace.flows;
  return {
    get frames() {
      return output.frames;
    },
    begin(chance) {
      for (const { key } of actors) actorOf[key] = -1;
      actors = [];
      timers = createTimers();
      rng = chance;
      clock.now = Number.NEGATIVE_INFINITY;
      clock.isClosing = false;
    },
    packet() {
      const row = ledger.arrived;
      const at = time[row]!;
      if (!(at >= clock.now)) throw new InputError(`packet ${row}: not in order of time`);
      if (length[row] === 0) throw new InputError(`packet ${row}: a frame has at least 1 byte, this one has 0`);
      while (timers.next() <= at) wake();
      clock.now = at;
      const p: PacketRef = {
        id: row,
        length: length[row]!,
        header: header[flow[row]!]!,
        direction: direction[row] as Direction,
        protocols: protocols[row]!,
        port: port[row]!,
        flow: flow[row]!,
        device: device[row]!,
      };
      const actor = actorFor(p);
      actor.last = p;
      ledger.packet(actor, p, link);
    },
    end() {
      clock.isClosing = true;
      for (const actor of actors) ledger.close(actor, link);
      while (timers.next() < Number.POSITIVE_INFINITY) wake();
    },
    finish() {
      ledger.checkNothingHeld();
      return output.finish();
    },
  };
}

/** Frames after which a simulation first estimates how many there will be in all. */
const FIRST_ASKED = 4_000_000;

/** An estimate is only believed if it is so many times the frames that there may be. */
const FAR_MORE = 4;

/** How far a simulation has come. */
interface Progress extends Readonly<Clock> {
  readonly frames: number;
  readonly bytes: number;
  /** Packets of the trace. */
  readonly arrived: number;
}

/**
 * The number of frames at which to ask again.
 * @throws TooManyFrames where there are `maximumFrames`, or where the whole trace would come to far more
 */
function nextLimit(progress: Progress, trace: Trace, defense: string, maximumFrames: number): number {
  const { frames, bytes, arrived, now } = progress;
  const passed = observedSeconds({ ...trace, packets: arrived }) + (now - trace.time[arrived - 1]!);
  const share = progress.isClosing ? 1 : passed / observedSeconds(trace);
  const isTold = share > 0 && share < 1;
  const expected = isTold ? { frames: frames / share, bytes: bytes / share } : { frames, bytes };
  if (frames < maximumFrames && expected.frames < FAR_MORE * maximumFrames) return Math.min(2 * frames, maximumFrames);
  const all = isTold
    ? ` in ${formatShare(share)} of the time: it would come to about ${formatCount(expected.frames)} frames, ${formatBytes(expected.bytes)}, and ${formatCount(maximumFrames)} are the most there is room for; expected less traffic, or a lower rate of cover`
    : ` (at ${now} s)`;
  throw new TooManyFrames(`defense ${defense}: sent more than ${frames} frames${all}`, expected);
}

/** One more than the largest key of an actor. */
function actorKeys(trace: Trace, scope: Scope): number {
  if (scope === 'flow') return trace.flows.count;
  return scope === 'device' ? NO_DEVICE + 1 : 1;
}

/** The largest of one or more parts that belong to the device with most bytes. */
function largestPart(parts: readonly Part[], tally: Tally): PacketRef {
  if (parts.length === 1) return parts[0]!.packet;
  for (const { packet, bytes } of parts) tally.add(packet.device, bytes);
  const owner = tally.take();
  let best: Part | undefined;
  for (const part of parts) if (part.packet.device === owner && !(best && best.bytes >= part.bytes)) best = part;
  return (best ?? parts[0]!).packet;
}
