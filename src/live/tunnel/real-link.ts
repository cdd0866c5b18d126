import { IP_HEADER } from '../../shaping/kit/parts.js';
import { type Actor, type Clock, createActor, createLedger, type Ledger } from '../../shaping/ledger.js';
import { type AppliedDefense, type Link, type PacketRef, scopeOfDefense } from '../../shaping/shaper.js';
import type { Rng } from '../../shared/rng.js';
import { type Direction, NO_DEVICE, Protocol } from '../../trace/trace.js';
import { cutSegments, type Datagram, OVERHEAD, type Segment } from './frame.js';
import { createSecretRng } from './secret-rng.js';

/** A frame that the last shaper puts on the wire, in the direction of this end. */
type OnFrame = (
  /** Planned time, in seconds of the caller's clock. */
  time: number,
  /** Bytes of the frame. */
  length: number,
  /** Content; empty for cover. */
  segments: readonly Segment[],
) => void;

export interface RealLinkOptions {
  /** Each defense takes what the one before puts on the wire, as in the benchmark. */
  readonly defenses: readonly AppliedDefense[];
  /** Direction in which this end sends. */
  readonly direction: Direction;
  readonly rng: Rng;
  readonly onFrame: OnFrame;
  /**
   * Seconds by which the clock may be late, after a suspension or under overload, before the plan moves instead of catching up. By
   * default {@link LATEST}.
   */
  readonly latest?: number;
}

/**
 * Shapers on the caller's clock, in seconds, which never goes back. The caller says what arrives when, and advances the clock when a
 * timer is due; nothing here waits.
 */
export interface RealLink {
  /** Takes a datagram that is to be sent in the direction of this end. */
  send(datagram: Datagram, time: number): void;
  /** Takes note of a datagram of `bytes` bytes from the other end. */
  heard(bytes: number, time: number): void;
  /** Runs the timers that are due at `time`. */
  advance(time: number): void;
  /** Time of the next timer; Infinity for none. */
  readonly next: number;
  /** Bytes that the shapers hold in this end's direction and in the other. */
  readonly held: { readonly own: number; readonly other: number };
  /** Datagrams of this end's direction that a shaper dropped. */
  readonly dropped: number;
  /** Times that the clock was so late that the plan moved. */
  readonly stalls: number;
}

/** Seconds; the default of {@link RealLinkOptions.latest}. */
export const LATEST = 0.25;
interface HeldPacket {
  readonly packet: PacketRef;
  /** The segments that its bytes come from; none for a packet that the other end sends. */
  readonly segments: readonly Segment[];
}

/** One defense, with the packets that its shaper holds. */
interface Stage extends Actor {
  readonly ledger: Ledger<Stage>;
  readonly link: Link;
  readonly packets: Map<number, HeldPacket>;
  due: number;
}

/**
 * Runs the unchanged shapers of the benchmark at one end of a tunnel. As in the benchmark, a shaper sees both directions: it receives
 * the packets that this end is to send, and those of the other end when they arrive. Frames in this end's direction go on the wire.
 * Frames in the other direction are the other end's task and are discarded. With the same arrivals and the same random numbers, the
 * frames of this end's direction equal those of the simulation in length, order and time.
 *
 * A timer that fires late sees the time for which it was set, so lateness does not add up; `latest` bounds it.
 *
 * A shaper sees a datagram of n bytes as a packet of n + OVERHEAD bytes, the shortest frame that carries it. Its link header is such
 * that each further part, which repeats the link and IP headers, has OVERHEAD in front of it too. A planned frame then fits its
 * content, whole or in parts. There is one flow and no device, since a VPN shows no more.
 */
export function createRealLink({ defenses, direction, rng, onFrame, latest = LATEST }: RealLinkOptions): RealLink {
  const clock: Clock = { now: Number.NEGATIVE_INFINITY, isClosing: false };
  /** The shapers' clock is so far behind the caller's. */
  let behind = 0;
  let dropped = 0;
  let stalls = 0;
  const held = { own: 0, other: 0 };
  const stages = defenses.map(createStage);

  function createStage({ defense, parameters, knowledge }: AppliedDefense, index: number): Stage {
    const key = scopeOfDefense(defense, parameters) === 'device' ? NO_DEVICE : 0;
    const ledger = createLedger<Stage>(defense.name, clock);
    const packets: Stage['packets'] = new Map();

    /** Lets go of bytes of a packet that were just taken, and returns the segments that they are from. */
    const release = (id: number, bytes: number): readonly Segment[] => {
      const { packet, segments } = packets.get(id)!;
      const left = ledger.left(id);
      if (left === 0) packets.delete(id);
      held[packet.direction === direction ? 'own' : 'other'] -= bytes;
      const end = packet.length - left;
      return cutSegments(segments, end - bytes, end);
    };

    const frame = (way: Direction, length: number, carried: readonly Segment[]): void => {
      if (index + 1 < stages.length) arrive(stages[index + 1]!, way, length, carried);
      else if (way === direction) onFrame(clock.now + behind, length, carried);
    };

    const link: Link = {
      get now() {
        return clock.now;
      },
      rng: rng.stream('shape', index, defense.name).stream(key),
      send(p, wireBytes, userBytes = ledger.left(p.id)) {
        ledger.checkFrame(wireBytes);
        ledger.take(p.id, userBytes);
        frame(p.direction, wireBytes, release(p.id, userBytes));
      },
      sendCell(parts, wireBytes) {
        ledger.checkCell(parts, wireBytes);
        const like = parts[0]!.packet;
        const carried = parts.flatMap((part) => {
          ledger.takePart(part, like);
          return release(part.packet.id, part.bytes);
        });
        frame(like.direction, wireBytes, carried);
      },
      cover(way, wireBytes) {
        ledger.checkCover(way, wireBytes);
        frame(way, wireBytes, []);
      },
      openFlow: () => ledger.fail('opened a flow; a tunnel has only its own'),
      drop(p) {
        const bytes = ledger.drop(p.id);
        if (packets.get(p.id)!.segments.length > 0) dropped++;
        release(p.id, bytes);
      },
      wakeAt(time) {
        stage.due = ledger.checkTimer(time);
      },
    };
    const actor = createActor(index, defense.create(parameters, knowledge));
    const stage: Stage = { ...actor, ledger, link, packets, due: Number.POSITIVE_INFINITY };
    return stage;
  }

  function arrive(stage: Stage, way: Direction, length: number, segments: readonly Segment[]): void {
    while (stage.due <= clock.now) wake(stage);
    const id = stage.ledger.arrived;
    const packet: PacketRef = {
      ...{ id, length, direction: way, header: OVERHEAD - IP_HEADER },
      ...{ protocols: Protocol.IP | Protocol.UDP, port: 0, flow: 0, device: NO_DEVICE },
    };
    stage.packets.set(id, { packet, segments });
    held[way === direction ? 'own' : 'other'] += length;
    stage.ledger.packet(stage, packet, stage.link);
  }

  function wake(stage: Stage): void {
    stage.due = Number.POSITIVE_INFINITY;
    stage.ledger.wake(stage, stage.link);
  }

  const earliest = (): Stage | undefined => {
    let first = stages[0];
    for (const stage of stages) if (stage.due < first!.due) first = stage;
    return first;
  };

  /** Runs all timers up to `time`, of the caller's clock, and leaves the shapers' clock there. */
  function advance(time: number): void {
    const due = earliest()?.due ?? Number.POSITIVE_INFINITY;
    let until = time - behind;
    if (until - due > latest) {
      behind = time - due;
      until = due;
      stalls++;
    }
    for (;;) {
      const stage = earliest();
      if (!stage || stage.due > until) break;
      clock.now = Math.max(clock.now, stage.due);
      wake(stage);
    }
    clock.now = Math.max(clock.now, until);
  }

  const enter = (way: Direction, length: number, segments: readonly Segment[], time: number): void => {
    advance(time);
    if (stages.length > 0) arrive(stages[0]!, way, length, segments);
    else if (way === direction) onFrame(time, length, segments);
  };

  return {
    send(datagram, time) {
      const { length } = datagram.payload;
      enter(direction, OVERHEAD + length, [{ datagram, offset: 0, bytes: length }], time);
    },
    heard: (bytes, time) => enter(direction === 1 ? 0 : 1, OVERHEAD + bytes, [], time),
    advance,
    get next() {
      return (earliest()?.due ?? Number.POSITIVE_INFINITY) + behind;
    },
    held,
    get dropped() {
      return dropped;
    },
    get stalls() {
      return stalls;
    },
  };
}

/** Wakes after which a shaper is taken to send no frame for a lone datagram. */
const MOST_WAKES = 1000;

/** Bytes of the first frame that the defenses make of a datagram of `bytes` bytes, with nothing sent before; 0 for none. */
export function firstFrame(defenses: readonly AppliedDefense[], direction: Direction, bytes: number): number {
  let first = 0;
  const onFrame: OnFrame = (_, length) => {
    first ||= length;
  };
  try {
    const link = createRealLink({ defenses, direction, rng: createSecretRng(), onFrame });
    link.send({ number: 0, payload: Buffer.alloc(bytes) }, 0);
    for (let i = 0; i < MOST_WAKES && first === 0 && link.next < Number.POSITIVE_INFINITY; i++) link.advance(link.next);
  } catch {
    // The error shows again, and is reported, when the end runs these defenses.
  }
  return first;
}
