import { grown } from '../shared/columns.js';
import { DefenseError, type Link, type PacketRef, type Part, type Shaper } from './shaper.js';

/** A shaper, and what its link keeps about it. */
export interface Actor {
  /** Its number among the shapers of the defense. */
  readonly index: number;
  readonly shaper: Shaper;
  /** Seconds: when its timer last fired. */
  wokenAt: number;
  idleWakes: number;
}

export function createActor(index: number, shaper: Shaper): Actor {
  return { index, shaper, wokenAt: Number.NEGATIVE_INFINITY, idleWakes: 0 };
}

/**
 * The packets of one defense: which have arrived, how many bytes of each are left, and which shaper may send them. Every link has
 * one, on whatever clock it runs, so a defense that breaks the contract of `Shaper` meets the same error everywhere. Methods throw
 * DefenseError where it does.
 */
export interface Ledger<A extends Actor = Actor> {
  /** Packets that have arrived; the id of the next one. */
  readonly arrived: number;
  /** The shaper that is being called; only it may use the link. */
  acting(): A;
  /** Records a packet, which has the id `arrived`, and hands it to a shaper. */
  packet(actor: A, p: PacketRef, link: Link): void;
  /** Fires the timer of a shaper. */
  wake(actor: A, link: Link): void;
  /** Tells a shaper that the input has ended. */
  close(actor: A, link: Link): void;
  /** Bytes of packet `id` that have not been sent; 0 before it arrives. */
  left(id: number): number;
  /** Takes `bytes` bytes from what is left of a packet. */
  take(id: number, bytes: number): void;
  /** Checks the parts and the length of a cell. */
  checkCell(parts: readonly Part[], wireBytes: number): void;
  /** Takes a part of a cell, which has to be of the same direction as `like`. */
  takePart(part: Part, like: PacketRef): void;
  /** Gives up what is left of a packet, and returns how many bytes that is. */
  drop(id: number): number;
  checkFrame(wireBytes: number): void;
  /** Checks a frame of cover, and returns the shaper that sends it. */
  checkCover(direction: number, wireBytes: number): A;
  /** @returns when a timer set to `time` is due: never before now */
  checkTimer(time: number): number;
  checkNothingHeld(): void;
  fail(what: string): never;
}

/** The time of a link. */
export interface Clock {
  /** Seconds. */
  now: number;
  /** Whether the input has ended. */
  isClosing: boolean;
}

/** A shaper may wake so often without the clock moving or a byte of a packet leaving; then it is taken to be stuck. */
const IDLE_WAKES = 100_000;

/**
 * Keeps a ledger for one defense. Memory is bounded by the packets from the oldest that is held to the newest, not by all that arrive.
 * @param capacity packets for which there is room from the start
 */
export function createLedger<A extends Actor = Actor>(
  defense: string,
  clock: Readonly<Clock>,
  capacity = 64,
): Ledger<A> {
  /** For packets from number `first` on: the bytes that are left, and the shaper that each came to. */
  let first = 0;
  let left = new Uint32Array(Math.max(1, capacity));
  let owner = new Uint32Array(left.length);
  let arrived = 0;
  let turn: A | null = null;

  const fail = (what: string): never => {
    throw new DefenseError(`defense ${defense}: ${what} (at ${clock.now} s)`);
  };

  /** Forgets the oldest packets if nothing of them is left and they take up half of the room; else makes more room. */
  const makeRoom = (): void => {
    let gone = 0;
    while (gone < left.length && left[gone] === 0) gone++;
    if (gone < left.length / 2) {
      left = grown(left);
      owner = grown(owner);
      return;
    }
    left.copyWithin(0, gone);
    owner.copyWithin(0, gone);
    first += gone;
  };

  const acting = (): A => turn ?? fail('used its link outside packet, wake and close');

  const leftOf = (id: number): number => (id < first || id >= arrived ? 0 : left[id - first]!);

  /** Says why the acting shaper may not do this with `bytes` bytes of a packet. */
  const refuse = (verb: string, id: number, bytes: number): never => {
    const { index } = acting();
    if (!(id >= 0 && id < arrived)) fail(`${verb} packet ${id} before it arrived`);
    const most = leftOf(id);
    if (most === 0) fail(`${verb} packet ${id}, of which nothing was left`);
    if (owner[id - first] !== index) fail(`${verb} packet ${id}, which came to another shaper`);
    if (!(bytes <= most)) fail(`${verb} ${bytes} bytes of packet ${id}, of which ${most} were left`);
    return fail(`${verb} ${bytes} bytes of packet ${id}: expected a whole number of at least 1`);
  };

  /** Whether the acting shaper holds `bytes` bytes of a packet or more. */
  const holds = (id: number, bytes: number): boolean => {
    const at = id - first;
    return turn !== null && at >= 0 && id < arrived && owner[at] === turn.index && bytes <= left[at]! && bytes >= 1;
  };

  const take = (id: number, bytes: number): void => {
    if (!holds(id, bytes) || bytes !== Math.floor(bytes)) refuse('sent', id, bytes);
    left[id - first]! -= bytes;
    turn!.idleWakes = 0;
  };

  const checkFrame = (wireBytes: number): void => {
    if (wireBytes >>> 0 !== wireBytes || wireBytes === 0) fail(`a frame has 1 byte or more, not ${wireBytes}`);
  };

  return {
    get arrived() {
      return arrived;
    },
    acting,
    packet(actor, p, link) {
      if (arrived - first === left.length) makeRoom();
      left[arrived - first] = p.length;
      owner[arrived - first] = actor.index;
      arrived++;
      actor.idleWakes = 0;
      turn = actor;
      actor.shaper.packet(p, link);
      turn = null;
    },
    wake(actor, link) {
      if (!clock.isClosing && actor.wokenAt < clock.now) actor.idleWakes = 0;
      actor.wokenAt = clock.now;
      if (++actor.idleWakes > IDLE_WAKES) {
        const when = clock.isClosing ? 'after the input had ended' : 'at one moment';
        fail(`woke ${IDLE_WAKES} times in a row ${when} and sent no user data`);
      }
      if (!actor.shaper.wake) fail('set a timer but has no wake()');
      turn = actor;
      actor.shaper.wake!(link);
      turn = null;
    },
    close(actor, link) {
      turn = actor;
      actor.shaper.close?.(link);
      turn = null;
    },
    left: leftOf,
    take,
    takePart({ packet, bytes }, like) {
      if (packet.direction !== like.direction) fail('sent a cell with packets of both directions');
      take(packet.id, bytes);
    },
    drop(id) {
      const bytes = leftOf(id);
      if (!holds(id, bytes)) refuse('dropped', id, bytes);
      left[id - first] = 0;
      return bytes;
    },
    checkFrame,
    checkCover(direction, wireBytes) {
      const actor = acting();
      checkFrame(wireBytes);
      if (direction !== 0 && direction !== 1) fail(`cover with direction ${direction}`);
      return actor;
    },
    checkCell(parts, wireBytes) {
      acting();
      checkFrame(wireBytes);
      if (parts.length === 0) fail('sent a cell without parts; cover() is for those');
    },
    checkTimer(time) {
      acting();
      if (Number.isNaN(time)) fail('set a timer to NaN');
      return Math.max(time, clock.now);
    },
    checkNothingHeld() {
      const held = left.reduce((sum, bytes) => (bytes > 0 ? sum + 1 : sum), 0);
      if (held === 0) return;
      const oldest = first + left.findIndex((bytes) => bytes > 0);
      fail(`came to its end with ${held} packets neither sent nor dropped, the first of them packet ${oldest}`);
    },
    fail,
  };
}
