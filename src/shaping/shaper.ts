import { z } from 'zod';
import { HomeveilError } from '../shared/errors.js';
import type { ParameterSchema } from '../shared/parameters.js';
import type { Rng } from '../shared/rng.js';
import type { Direction, Trace } from '../trace/trace.js';

/** A packet that has arrived at a shaper, with everything that a gateway knows about it. The shaper may keep it; it never changes. */
export interface PacketRef {
  /** Unique within the run. */
  readonly id: number;
  /** Bytes of the frame, at least 1. */
  readonly length: number;
  /** Bytes before the IP header; `length` less this is the length of the IP packet. */
  readonly header: number;
  readonly direction: Direction;
  readonly protocols: number;
  /** The remote (service) port. */
  readonly port: number;
  readonly flow: number;
  readonly device: number;
}

/**
 * Appearance of a cover packet on the wire: by default that of the last packet that arrived at its shaper, except that cover of a shaper
 * for the whole home belongs to no device.
 */
export interface CoverShape {
  readonly protocols: number;
  readonly port: number;
  readonly flow: number;
  readonly device: number;
}

/** A flow that a shaper opens for its cover, as an observer outside sees it. */
export interface NewFlow {
  /** IP protocol number: 6 or 17. */
  readonly transport: number;
  /** IP address. */
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Some of the bytes of a packet, in a frame that carries several packets. */
export interface Part {
  readonly packet: PacketRef;
  /** At least 1. */
  readonly bytes: number;
}

/**
 * The running state of a defense, one per flow, per device or per home. It is causal by construction: it learns of a packet when that
 * packet arrives, and can only send now or set a timer. It never sees the future, and cannot tell a virtual clock from a real one.
 */
export interface Shaper {
  /** A real packet has arrived, at `link.now`. */
  packet(p: PacketRef, link: Link): void;
  /** The timer set with `link.wakeAt` has fired. */
  wake?(link: Link): void;
  /** The input has ended: release all packets that are held. Timers may still be set, and still fire. */
  close?(link: Link): void;
}

export interface Link {
  /** Seconds. */
  readonly now: number;
  /**
   * Puts a frame of `wireBytes` on the wire now that carries `userBytes` of `p`, by default all that is left.
   * A packet may be sent in parts; it counts as delivered when all its bytes have been sent.
   * `wireBytes` is at least 1, and smaller than `userBytes` only where an encapsulation removes headers.
   */
  send(p: PacketRef, wireBytes: number, userBytes?: number): void;
  /**
   * Puts one frame of `wireBytes` on the wire now that carries parts of one or more packets, all of one direction. It
   * belongs to the device with most of the bytes, and looks like that device's largest part.
   */
  sendCell(parts: readonly Part[], wireBytes: number): void;
  /** Puts a frame without user data on the wire now. */
  cover(direction: Direction, wireBytes: number, like?: CoverShape): void;
  /**
   * Opens a flow for cover, with a random local port and the local address of the last packet that arrived here (or of another flow,
   * where its IP version is not that of the remote address). Returns a value for `CoverShape.flow`. In a tunnel the flow is invisible.
   */
  openFlow(flow: NewFlow): number;
  /** Gives up a packet: it counts as lost. */
  drop(p: PacketRef): void;
  /** Sets this shaper's one timer, replacing an earlier one; a time in the past fires at once. Infinity clears it. */
  wakeAt(time: number): void;
  /** The only source of chance. */
  readonly rng: Rng;
}

/** The unit that one shaper serves: a flow, a device or the whole home. */
export type Scope = 'flow' | 'device' | 'home';

const EACH: Readonly<Record<Scope, string>> = { flow: 'each flow', device: 'each device', home: 'the whole home' };

/** A method's type, so that a defense of any parameters is a Defense. */
type ScopeRule<P> = { of(parameters: P): Scope }['of'];

/** The one flow that an observer sees of a tunnel. */
export interface TunnelFlow {
  /** Bit set of `Protocol`. */
  readonly protocols: number;
  /** IP protocol number: 17 for UDP. */
  readonly transport: number;
  /** The port of both ends. */
  readonly port: number;
  /** Bytes of a frame before its outer IP header. */
  readonly header: number;
}

/** The data that a defense may learn from before it sees the first packet. */
export interface Training {
  /**
   * Undefended traffic of the same home, earlier than the traffic to defend or from other files, as it reaches the gateway from the home
   * (before any tunnel); null where there is none.
   */
  readonly trace: Trace | null;
  readonly rng: Rng;
}

/** Browsing by people in the home, for a generator of noise to make live. */
export interface Browsing {
  /** Browsers at once. */
  readonly users: number;
  /** Seconds from a loaded page to the next. */
  readonly minPause: number;
  readonly maxPause: number;
  /** Links followed from a start page, at most. */
  readonly depth: number;
  /** Objects loaded with a page, median. */
  readonly objects: number;
  /** Megabytes a day in both directions, at most. */
  readonly budget: number;
  /** Hours of the day (UTC) in which pages are loaded, such as 7-23. */
  readonly hours: string;
}

/** A defense as {@link defineDefense} takes it: see docs/writing-a-defense.md. `K` is what it learns in `prepare`. */
export interface DefenseDefinition<S extends ParameterSchema, K> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Source of the rule: paper and section, or "our choice". */
  readonly source: string;
  /**
   * The unit that one shaper serves. A list adds a parameter `per`, with which the user chooses one of its scopes; the first is the default. A
   * function chooses by other parameters.
   */
  readonly scope: Scope | readonly [Scope, ...Scope[]] | ScopeRule<z.output<S>>;
  /** The place that removes padding and cover again; the far end must be able to. */
  readonly removedAt: 'device' | 'gateway' | 'tunnel end' | 'nowhere';
  readonly parameters: S;
  /**
   * The appearance of the tunnel from outside, only for a defense that is itself a tunnel. All its frames, cover too, travel in that
   * one flow, and it replaces the vpn view's own tunnel.
   */
  tunnel?(parameters: z.output<S>): TunnelFlow;
  /**
   * True where cover has its own flows (`openFlow`), so that an observer who separates flows can set it aside unless a tunnel hides
   * them. The conformance suite checks that no column reveals any other cover.
   */
  readonly separableCover?: boolean;
  /** True where frames may be longer than 1514 bytes though no packet in them is. */
  readonly exceedsMtu?: boolean;
  /**
   * The reason why the ends of a live tunnel cannot run it: each sends in one direction, and learns of the other's packets only when they
   * arrive. Left out where they can.
   */
  readonly notLive?: string;
  /**
   * For a defense whose cover is browsing: the browsing that the lab makes in its place, by a generator of noise in the home.
   * @throws UsageError for parameters that can only be simulated
   */
  browsing?(parameters: z.output<S>): Browsing;
  /**
   * Length in bytes to which frames are padded, if most get the same one: a run warns if such frames do not fit a packet of the tunnel
   * behind them. Left out, or null, where there is none.
   */
  padsTo?(parameters: z.output<S>): number | null;
  /** Parameters with which the defense changes nothing, for the conformance suite; left out where there are none. */
  readonly neutral?: z.input<S>;
  /**
   * Reads files that the parameters name and learns from `training`, once, before any shaper is created.
   * @throws UsageError, InputError: one line
   */
  prepare?(parameters: z.output<S>, training: Training): K | Promise<K>;
  /**
   * A shaper for one flow, one device or the home.
   * @param parameters `per` is there where `scope` is a list
   * @param knowledge what `prepare` returned
   */
  create(parameters: z.output<S> & { readonly per?: Scope }, knowledge: K): Shaper;
}

/** A defense, whose `parameters` are all that it takes. */
export interface Defense<S extends ParameterSchema = ParameterSchema, K = unknown> extends DefenseDefinition<S, K> {
  readonly scope: Scope | ScopeRule<z.output<S>>;
}

/** A defense with resolved parameters, ready to run; see {@link prepareDefense}. */
export interface AppliedDefense {
  readonly defense: Defense;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The result of `prepare`. */
  readonly knowledge?: unknown;
}

/** @throws what the defense's own `prepare` throws */
export async function prepareDefense(
  defense: Defense,
  parameters: Readonly<Record<string, unknown>>,
  training: Training,
): Promise<AppliedDefense> {
  if (!defense.prepare) return { defense, parameters };
  return { defense, parameters, knowledge: await defense.prepare(parameters, training) };
}

/** The scope of a defense with these parameters. */
export function scopeOfDefense(defense: Defense, parameters: Readonly<Record<string, unknown>>): Scope {
  return typeof defense.scope === 'function' ? defense.scope(parameters) : defense.scope;
}

/** A defense broke the contract: it sent bytes that it did not have, kept a packet, or never ends. */
export class DefenseError extends HomeveilError {
  override readonly name = 'DefenseError';
}

/** A defense sends more frames than there may be. */
export class TooManyFrames extends DefenseError {
  /** Estimated frames and bytes on the wire for the whole input, at the rate so far. */
  readonly expected: { readonly frames: number; readonly bytes: number };

  constructor(message: string, expected: TooManyFrames['expected']) {
    super(message);
    this.expected = expected;
  }
}

/** Gives a defense its type, and the parameter `per` where its scope is a list. */
export function defineDefense<S extends ParameterSchema, K = undefined>(
  definition: DefenseDefinition<S, K>,
): Defense<S, K> {
  const { scope, parameters } = definition;
  if (!isList(scope)) return definition as Defense<S, K>;
  const description = `one shaper for ${scope.map((one) => EACH[one]).join(', or one for ')}`;
  const per = z.enum(scope).default(scope[0]).describe(description);
  return {
    ...definition,
    parameters: parameters.safeExtend({ per }) as unknown as S,
    scope: (given) => (given as unknown as { per: Scope }).per,
  };
}

/** Array.isArray narrows no readonly list. */
const isList = <T>(value: T): value is Extract<T, readonly unknown[]> => Array.isArray(value);
