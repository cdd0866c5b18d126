import { UsageError } from '../shared/errors.js';
import { defaultMemory } from '../shared/memory.js';
import type { Rng } from '../shared/rng.js';
import { stretchEnds } from '../trace/clock.js';
import { type Flows, type Trace, timeOrder } from '../trace/trace.js';
import { type Carried, composeAccounts, type DefendedTrace, identityAccount, reorder, settle } from './account.js';
import { throughLink } from './capacity.js';
import { seenOfFrames } from './seen.js';
import { type AppliedDefense, type Defense, DefenseError, type TunnelFlow } from './shaper.js';
import { createVirtualLink } from './virtual-link.js';

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
  // Packets that are held for longer than a gap leave after the next stretch has begun.
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

/** `trace` with columns of ground truth of its own, which may then be filled in. */
function copyTruth(trace: Trace): Trace {
  return { ...trace, device: trace.device.slice(), cover: trace.cover.slice() };
}

/** Frames that a stage sent, and for each stretch the index after its last frame. */
interface Sent extends Carried {
  readonly ends: number[];
}

/**
 * Runs one defense over one trace.
 * @param ends the rows after the last of each stretch; a defense begins anew with each
 */
function run(trace: Trace, ends: readonly number[], applied: AppliedDefense, chance: Rng, maximumFrames: number): Sent {
  const { defense, parameters } = applied;
  if (defense.prepare && !('knowledge' in applied)) throw new DefenseError(`defense ${defense.name}: was not prepared`);
  const link = createVirtualLink(trace, applied, maximumFrames);
  let row = 0;
  const sentEnds = ends.map((end, stretch) => {
    link.begin(stretch === 0 ? chance : chance.stream('stretch', stretch));
    for (; row < end; row++) link.packet();
    link.end();
    return link.frames;
  });
  const sent = link.finish();
  const tunnel = defense.tunnel?.(parameters);
  // A tunnel hides what its packets show, and the names of whom they are for.
  const shown = tunnel ? { flows: tunnelFlows(tunnel) } : seenOfFrames(trace, sent);
  return { ...sent, trace: { ...sent.trace, ...shown }, ends: sentEnds };
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
