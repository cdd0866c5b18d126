import { InputError, UsageError } from '../shared/errors.js';
import { defaultMemory } from '../shared/memory.js';
import { formatBytes, formatCount, formatShare } from '../shared/quantities.js';
import type { Rng } from '../shared/rng.js';
import { observedSeconds, stretchEnds } from '../trace/clock.js';
import { type Flows, NO_DEVICE, type Trace, timeOrder } from '../trace/trace.js';
import { type Carried, composeAccounts, type DefendedTrace, identityAccount, reorder, settle } from './account.js';
import { throughLink } from './capacity.js';
import { createOutput } from './output.js';
import {
  type AppliedDefense,
  type Defense,
  DefenseError,
  type Link,
  type PacketRef,
  type Part,
  type Scope,
  type Shaper,
  scopeOfDefense,
  TooManyFrames,
  type TunnelFlow,
} from './shaper.js';
import { createTally, type Tally } from './tally.js';
import { createTimers } from './timers.js';

export interface ShapeOptions {
  /** Source of all chance; each shaper draws from a stream of its own. */
  readonly rng: Rng;
  /** bit/s of the link behind the last defense, in each direction; null or left out for no limit. */
  readonly capacity?: number | null;
  /** A defense that sends more frames than this is stopped; where left out, as many as memory here has room for. */
  readonly maximumFrames?: number;
}

/**
 * Runs `trace` through one defense, one that needs no preparation, on a virtual clock. See {@link shapeAll}.
 * @throws DefenseError where the defense breaks the contract of `Shaper`.
 */
export function shape(
  trace: Trace,
  defense: Defense,
  parameters: Readonly<Record<string, unknown>>,
  options: ShapeOptions,
): DefendedTrace {
  return shapeAll(trace, [{ defense, parameters }], options);
}

/**
 * Runs `trace` through several defenses, each taking what the one before puts on the wire; with none, only through the
 * link. Cover of one defense is a packet like any other to the next, and stays cover. `trace` is left as it is. Nothing is sent in its
 * gaps: the input of a defense ends where one begins, and shapers are created anew after it.
 * @throws DefenseError where a defense breaks the contract of `Shaper`.
 * @throws InputError where `trace` is not sorted by time or has a frame without a byte.
 */
export function shapeAll(trace: Trace, defenses: readonly AppliedDefense[], options: ShapeOptions): DefendedTrace {
  const capacity = options.capacity ?? null;
  if (capacity !== null && !(capacity > 0)) throw new UsageError(`capacity: expected bit/s above 0, found ${capacity}`);
  let carried: Carried | undefined;
  let ends = stretchEnds(trace);
  for (const [stage, applied] of defenses.entries()) {
    const rng = options.rng.stream('shape', stage, applied.defense.name);
    const next = run(carried?.trace ?? trace, ends, applied, rng, options.maximumFrames ?? mostFrames());
    carried = carried ? { trace: next.trace, account: composeAccounts(carried, next.account) } : next;
    ({ ends } = next);
  }
  // What is held for longer than a gap leaves after the next stretch has begun.
  if (carried && ends.length > 1) carried = reorder(carried, timeOrder(carried.trace.time));
  carried ??= { trace: copyTruth(trace), account: identityAccount(trace) };
  return settle(trace, throughLink(carried, capacity));
}

/** Bytes for each frame: its row and account while they grow (measured: 110), and what is made of it to learn from. */
const BYTES_PER_FRAME = 300;

/** Frames that a simulation may come to before it is refused, by the memory of this machine. */
export function mostFrames(): number {
  return Math.floor(defaultMemory() / BYTES_PER_FRAME);
}

/** Frames after which it is first asked what all would come to. */
const FIRST_ASKED = 4_000_000;

/** A guess of so many times the frames that there may be is believed. */
const FAR_MORE = 4;

/** `trace` with columns of ground truth of its own, which may then be filled in. */
function copyTruth(trace: Trace): Trace {
  return { ...trace, device: trace.device.slice(), cover: trace.cover.slice() };
}

/** A shaper may wake so often without the clock moving or a byte of a packet leaving; then it is taken to be stuck. */
const IDLE_WAKES = 100_000;

/** A shaper and what the link knows of it. */
interface Actor {
  readonly index: number;
  readonly key: number;
  readonly shaper: Shaper;
  rng: Rng | null;
  last: PacketRef;
  wokenAt: number;
  idleWakes: number;
}

/** What a stage sent, and the frames after the last of each stretch. */
interface Sent extends Carried {
  readonly ends: number[];
}

/**
 * One defense over one trace: the virtual-clock link.
 * @param ends the rows after the last of each stretch; a defense begins anew with each
 */
function run(trace: Trace, ends: readonly number[], applied: AppliedDefense, chance: Rng, maximumFrames: number): Sent {
  const { defense, parameters, knowledge } = applied;
  if (defense.prepare && !('knowledge' in applied)) throw new DefenseError(`defense ${defense.name}: was not prepared`);
  const scope = scopeOfDefense(defense, parameters);
  const output = createOutput(trace, Math.min(maximumFrames, FIRST_ASKED), () => overflow());
  const tally = createTally();
  let timers = createTimers();
  let actors: Actor[] = [];
  let rng = chance;
  const actorOf = new Int32Array(actorKeys(trace, scope)).fill(-1);
  const tunnel = defense.tunnel?.(parameters) ?? null;
  const outside = tunnel && { protocols: tunnel.protocols, port: tunnel.port, flow: 0, device: NO_DEVICE };
  /** Bytes of each packet that are still to be sent. */
  const left = trace.length.slice();
  let now = Number.NEGATIVE_INFINITY;
  let arrived = 0;
  let closing = false;
  let actor: Actor | null = null;

  const fail = (what: string): never => {
    throw new DefenseError(`defense ${defense.name}: ${what} (at ${now} s)`);
  };

  /**
   * Refuses to go on where the input would come to far more frames than there may be, or where there are as many; else gives the number
   * of frames at which to ask again.
   */
  const overflow = (): number => {
    const { frames, bytes } = output;
    const passed = observedSeconds({ ...trace, packets: arrived }) + (now - trace.time[arrived - 1]!);
    const share = closing ? 1 : passed / observedSeconds(trace);
    const isTold = share > 0 && share < 1;
    const expected = isTold ? { frames: frames / share, bytes: bytes / share } : { frames, bytes };
    if (frames < maximumFrames && expected.frames < FAR_MORE * maximumFrames)
      return Math.min(2 * frames, maximumFrames);
    const all = isTold
      ? ` in ${formatShare(share)} of the time: it would come to about ${formatCount(expected.frames)} frames, ${formatBytes(expected.bytes)}, and ${formatCount(maximumFrames)} are the most there is room for; expected less traffic, or a lower rate of cover`
      : ` (at ${now} s)`;
    throw new TooManyFrames(`defense ${defense.name}: sent more than ${frames} frames${all}`, expected);
  };

  const acting = (): Actor => actor ?? fail('used its link outside packet, wake and close');

  const checkWire = (wireBytes: number): void => {
    if (wireBytes >>> 0 !== wireBytes || wireBytes === 0) fail(`a frame has 1 byte or more, not ${wireBytes}`);
  };

  /** Takes `bytes` of what is left of a packet. */
  const take = (id: number, bytes: number): void => {
    if (id >= arrived) fail(`sent packet ${id} before it arrived`);
    const available = left[id]!;
    if (!(bytes <= available)) fail(`sent ${bytes} bytes of packet ${id}, of which ${available} were left`);
    if (!(bytes >= 1) || bytes !== Math.floor(bytes))
      fail(`sent ${bytes} bytes of packet ${id}: expected a whole number`);
    left[id] = available - bytes;
  };

  const link: Link = {
    get now() {
      return now;
    },
    get rng() {
      const current = acting();
      current.rng ??= rng.stream(current.key);
      return current.rng;
    },
    send(p, wireBytes, userBytes = left[p.id]!) {
      const current = acting();
      checkWire(wireBytes);
      if (userBytes === 0) fail(`sent packet ${p.id}, of which nothing was left`);
      take(p.id, userBytes);
      current.idleWakes = 0;
      output.frame(now, wireBytes, p.direction, outside ?? p, p.device, trace.file[p.id]!);
      output.carry(p.id, userBytes);
    },
    sendCell(parts, wireBytes) {
      const current = acting();
      checkWire(wireBytes);
      const like = largestPart(parts, tally) ?? fail('sent a cell without parts; cover() is for those');
      current.idleWakes = 0;
      output.frame(now, wireBytes, like.direction, outside ?? like, like.device, trace.file[like.id]!);
      for (const { packet, bytes } of parts) {
        if (packet.direction !== like.direction) fail('sent a cell with packets of both directions');
        take(packet.id, bytes);
        output.carry(packet.id, bytes);
      }
    },
    cover(direction, wireBytes, like) {
      const { last } = acting();
      checkWire(wireBytes);
      if (direction !== 0 && direction !== 1) fail(`cover with direction ${direction}`);
      const device = like ? like.device : scope === 'home' ? NO_DEVICE : last.device;
      output.frame(now, wireBytes, direction, outside ?? like ?? last, device, trace.file[last.id]!);
    },
    openFlow(flow) {
      return output.openFlow(flow, link.rng.integer(1024, 65_535), acting().last.flow);
    },
    drop(p) {
      acting();
      if (p.id >= arrived) fail(`dropped packet ${p.id} before it arrived`);
      if (!(left[p.id]! > 0)) fail(`dropped packet ${p.id}, of which nothing was left`);
      left[p.id] = 0;
    },
    wakeAt(time) {
      const { index } = acting();
      if (Number.isNaN(time)) fail('set a timer to NaN');
      timers.set(index, Math.max(time, now));
    },
  };

  const wake = (): void => {
    now = timers.next();
    const current = actors[timers.take()]!;
    if (!closing && current.wokenAt < now) current.idleWakes = 0;
    current.wokenAt = now;
    if (++current.idleWakes > IDLE_WAKES) {
      fail(
        `woke ${IDLE_WAKES} times in a row ${closing ? 'after the input had ended' : 'at one moment'} and sent no user data`,
      );
    }
    if (!current.shaper.wake) fail('set a timer but has no wake()');
    actor = current;
    current.shaper.wake!(link);
    actor = null;
  };

  const { time, length, direction, protocols, port, flow, device } = trace;
  const { header } = trace.flows;
  const sentEnds: number[] = [];
  for (const [stretch, end] of ends.entries()) {
    if (stretch > 0) {
      for (const { key } of actors) actorOf[key] = -1;
      actors = [];
      timers = createTimers();
      rng = chance.stream('stretch', stretch);
      now = Number.NEGATIVE_INFINITY;
      closing = false;
    }
    for (let i = arrived; i < end; i++) {
      const at = time[i]!;
      if (!(at >= now)) throw new InputError(`packet ${i}: not in order of time`);
      if (length[i] === 0) throw new InputError(`packet ${i}: a frame has at least 1 byte, this one has 0`);
      while (timers.next() <= at) wake();
      now = at;
      arrived = i + 1;
      const p: PacketRef = {
        id: i,
        length: length[i]!,
        header: header[flow[i]!]!,
        direction: direction[i] as PacketRef['direction'],
        protocols: protocols[i]!,
        port: port[i]!,
        flow: flow[i]!,
        device: device[i]!,
      };
      const key = scope === 'flow' ? p.flow : scope === 'device' ? p.device : 0;
      let index = actorOf[key]!;
      if (index < 0) {
        index = actors.length;
        actorOf[key] = index;
        const shaper = defense.create(parameters, knowledge);
        actors.push({ index, key, shaper, rng: null, last: p, wokenAt: now, idleWakes: 0 });
      }
      actor = actors[index]!;
      actor.last = p;
      actor.idleWakes = 0;
      actor.shaper.packet(p, link);
      actor = null;
    }

    closing = true;
    for (const current of actors) {
      actor = current;
      current.shaper.close?.(link);
      actor = null;
    }
    while (timers.next() < Number.POSITIVE_INFINITY) wake();
    sentEnds.push(output.frames);
  }

  checkNothingHeld(left, fail);
  const carried = output.finish();
  const frames = tunnel ? { ...carried.trace, flows: tunnelFlows(tunnel) } : carried.trace;
  return { ...carried, trace: frames, ends: sentEnds };
}

/** One more than the largest key of an actor. */
function actorKeys(trace: Trace, scope: Scope): number {
  if (scope === 'flow') return trace.flows.count;
  return scope === 'device' ? NO_DEVICE + 1 : 1;
}

/** The largest part of the device with most bytes; undefined where there are no parts. */
function largestPart(parts: readonly Part[], tally: Tally): PacketRef | undefined {
  if (parts.length <= 1) return parts[0]?.packet;
  for (const { packet, bytes } of parts) tally.add(packet.device, bytes);
  const owner = tally.take();
  let best: Part | undefined;
  for (const part of parts) if (part.packet.device === owner && !(best && best.bytes >= part.bytes)) best = part;
  return best?.packet;
}

function checkNothingHeld(left: Uint32Array, fail: (what: string) => never): void {
  let held = 0;
  let first = -1;
  for (let i = 0; i < left.length; i++) {
    if (left[i] === 0) continue;
    if (held++ === 0) first = i;
  }
  if (held > 0)
    fail(`came to its end with ${held} packets neither sent nor dropped, the first of them packet ${first}`);
}

/** The flow table of an observer who sees nothing but a tunnel. Addresses are of the ranges for documentation (RFC 5737). */
function tunnelFlows(tunnel: TunnelFlow): Flows {
  return {
    count: 1,
    transport: Uint8Array.of(tunnel.transport),
    localPort: Uint16Array.of(tunnel.port),
    remotePort: Uint16Array.of(tunnel.port),
    localAddress: Uint32Array.of(0),
    remoteAddress: Uint32Array.of(1),
    wan: Uint8Array.of(1),
    header: Uint8Array.of(tunnel.header),
    addresses: ['192.0.2.1', '198.51.100.1'],
  };
}
