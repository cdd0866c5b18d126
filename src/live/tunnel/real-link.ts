import { IP_HEADER } from '../../shaping/kit/parts.js';
import {
  type AppliedDefense,
  DefenseError,
  type Link,
  type PacketRef,
  type Shaper,
  scopeOfDefense,
} from '../../shaping/shaper.js';
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
/** As in the simulation: a shaper may wake so often at one moment. */
const IDLE_WAKES = 100_000;

interface HeldPacket extends PacketRef {
  /** Bytes not sent yet. */
  left: number;
  readonly segments: readonly Segment[];
}

/** One defense, and what it holds. */
interface Stage {
  readonly name: string;
  readonly shaper: Shaper;
  readonly link: Link;
  readonly packets: Map<number, HeldPacket>;
  due: number;
  wokenAt: number;
  wakes: number;
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
  let now = Number.NEGATIVE_INFINITY;
  /** The shapers' clock is so far behind the caller's. */
  let behind = 0;
  let ids = 0;
  let dropped = 0;
  let stalls = 0;
  const held = { own: 0, other: 0 };
  const stages = defenses.map(createStage);

  function createStage({ defense, parameters, knowledge }: AppliedDefense, index: number): Stage {
    const key = scopeOfDefense(defense, parameters) === 'device' ? NO_DEVICE : 0;
    const chance = rng.stream('shape', index, defense.name).stream(key);
    const fail = (what: string): never => {
      throw new DefenseError(`defense ${defense.name}: ${what} (at ${now} s)`);
    };
    const packets = new Map<number, HeldPacket>();

    const take = (p: PacketRef, bytes: number | undefined): Segment[] => {
      const packet = packets.get(p.id) ?? fail(`sent packet ${p.id}, of which nothing was left`);
      const taken = bytes ?? packet.left;
      if (!Number.isInteger(taken) || taken < 1 || taken > packet.left)
        fail(`sent ${taken} bytes of packet ${p.id}, of which ${packet.left} were left`);
      const from = packet.length - packet.left;
      release(packet, taken);
      return cutSegments(packet.segments, from, from + taken);
    };

    const release = (packet: HeldPacket, bytes: number): void => {
      packet.left -= bytes;
      held[packet.direction === direction ? 'own' : 'other'] -= bytes;
      if (packet.left === 0) packets.delete(packet.id);
    };

    const frame = (way: Direction, length: number, segments: readonly Segment[]): void => {
      if (!Number.isInteger(length) || length < 1) fail(`a frame has 1 byte or more, not ${length}`);
      if (index + 1 < stages.length) arrive(stages[index + 1]!, way, length, segments);
      else if (way === direction) onFrame(now + behind, length, segments);
    };

    const stage: Stage = {
      name: defense.name,
      shaper: defense.create(parameters, knowledge),
      packets,
      due: Number.POSITIVE_INFINITY,
      wokenAt: Number.NEGATIVE_INFINITY,
      wakes: 0,
      link: {
        get now() {
          return now;
        },
        rng: chance,
        send(p, wireBytes, userBytes) {
          frame(p.direction, wireBytes, take(p, userBytes));
        },
        sendCell(parts, wireBytes) {
          const way = parts[0]?.packet.direction ?? fail('sent a cell without parts; cover() is for those');
          const segments = parts.flatMap(({ packet, bytes }) => {
            if (packet.direction !== way) fail('sent a cell with packets of both directions');
            return take(packet, bytes);
          });
          frame(way, wireBytes, segments);
        },
        cover: (way, wireBytes) => frame(way, wireBytes, []),
        openFlow: () => fail('opened a flow; a tunnel has only its own'),
        drop(p) {
          const packet = packets.get(p.id) ?? fail(`dropped packet ${p.id}, of which nothing was left`);
          release(packet, packet.left);
          if (packet.direction === direction && packet.segments.length > 0) dropped++;
        },
        wakeAt(time) {
          if (Number.isNaN(time)) fail('set a timer to NaN');
          stage.due = Math.max(time, now);
        },
      },
    };
    return stage;
  }

  function arrive(stage: Stage, way: Direction, length: number, segments: readonly Segment[]): void {
    while (stage.due <= now) wake(stage);
    const packet: HeldPacket = {
      id: ids++,
      length,
      header: OVERHEAD - IP_HEADER,
      direction: way,
      protocols: Protocol.IP | Protocol.UDP,
      port: 0,
      flow: 0,
      device: NO_DEVICE,
      left: length,
      segments,
    };
    stage.packets.set(packet.id, packet);
    held[way === direction ? 'own' : 'other'] += length;
    stage.wakes = 0;
    stage.shaper.packet(packet, stage.link);
  }

  function wake(stage: Stage): void {
    const { shaper, link, name, due } = stage;
    stage.due = Number.POSITIVE_INFINITY;
    if (stage.wokenAt < due) stage.wakes = 0;
    stage.wokenAt = due;
    if (++stage.wakes > IDLE_WAKES) throw new DefenseError(`defense ${name}: woke ${IDLE_WAKES} times at one moment`);
    if (!shaper.wake) throw new DefenseError(`defense ${name}: set a timer but has no wake()`);
    shaper.wake(link);
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
      now = Math.max(now, stage.due);
      wake(stage);
    }
    now = Math.max(now, until);
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
