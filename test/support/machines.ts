import fc from 'fast-check';
import {
  DISTRIBUTION_KINDS,
  DISTRIBUTIONS,
  type Distribution,
  type DistributionKind,
} from '../../src/shaping/maybenot/distribution.js';
import {
  type Action,
  type CounterUpdate,
  EVENT_NAMES,
  type Machine,
  OPERATIONS,
  STATE_END,
  STATE_SIGNAL,
  type State,
  TIMERS,
  type Transition,
} from '../../src/shaping/maybenot/machine.js';
import { createRng, type Rng } from '../../src/shared/rng.js';

type EventName = (typeof EVENT_NAMES)[number];

export const distribution = (kind: DistributionKind, parameters: number[], start = 0, max = 0): Distribution => ({
  kind,
  parameters,
  start,
  max,
});
/** Always the same value. */
export const fixed = (value: number): Distribution => distribution('uniform', [value, value]);

interface Flags {
  bypass?: boolean;
  replace?: boolean;
  limit?: number | Distribution;
}
const limitOf = (limit?: number | Distribution) => (typeof limit === 'number' ? fixed(limit) : (limit ?? null));
const flags = ({ bypass = false, replace = false, limit }: Flags) => ({ bypass, replace, limit: limitOf(limit) });

/** Times in microseconds. */
export const pad = (timeout: number | Distribution, more: Flags = {}): Action => ({
  kind: 'send-padding',
  timeout: typeof timeout === 'number' ? fixed(timeout) : timeout,
  ...flags(more),
});
export const block = (timeout: number, duration: number, more: Flags = {}): Action => ({
  kind: 'block-outgoing',
  timeout: fixed(timeout),
  duration: fixed(duration),
  ...flags(more),
});
export const setTimer = (duration: number, { replace = false, limit }: Flags = {}): Action => ({
  kind: 'update-timer',
  replace,
  duration: fixed(duration),
  limit: limitOf(limit),
});
export const cancel = (timer: (typeof TIMERS)[number]): Action => ({ kind: 'cancel', timer });

/** By 1, by a value, or by that of the other counter. */
export const count = (operation: CounterUpdate['operation'], value?: number | 'copy'): CounterUpdate => ({
  operation,
  distribution: typeof value === 'number' ? fixed(value) : null,
  copy: value === 'copy',
});

/** `on` names the next state by event, with certainty, or the choices. */
export function state(
  on: Partial<Record<EventName, number | Transition[]>>,
  action: Action | null = null,
  a: CounterUpdate | null = null,
  b: CounterUpdate | null = null,
): State {
  const transitions = EVENT_NAMES.map((name) => {
    const to = on[name];
    return typeof to === 'number' ? [{ to, probability: 1 }] : (to ?? null);
  });
  return { action, counters: [a, b], transitions };
}

type Limits = Partial<Record<'padding' | 'paddingFraction' | 'blocked' | 'blockedFraction', number>>;

export const machine = (
  states: State[],
  { padding = 0, paddingFraction = 0, blocked = 0, blockedFraction = 0 }: Limits = {},
): Machine => ({
  allowedPaddingPackets: BigInt(padding),
  maxPaddingFraction: paddingFraction,
  allowedBlockedMicroseconds: BigInt(blocked),
  maxBlockingFraction: blockedFraction,
  states,
});

/** The largest number of 64 bits, which stands for "no limit" in published machines. */
export const UNLIMITED = 2n ** 64n - 1n;

const pick = <T>(rng: Rng, values: readonly T[]): T => values[rng.integer(0, values.length - 1)]!;
const maybe = <T>(rng: Rng, chance: number, draw: () => T): T | null => (rng.uniform() < chance ? draw() : null);

function drawDistribution(rng: Rng): Distribution {
  const kind = pick(rng, DISTRIBUTION_KINDS);
  // From 0.01 to 10^6, which is a second.
  const values = [1, 2, 3].map(() => 10 ** (8 * rng.uniform() - 2)).sort((a, b) => a - b);
  const parameters = ((): number[] => {
    switch (kind) {
      case 'binomial':
        return [Math.floor(values[0]!), 1 - rng.uniform()];
      case 'geometric':
        return [1 - rng.uniform()];
      case 'log-normal':
        return values.slice(0, 2).map(Math.log10);
      default:
        return values.slice(0, DISTRIBUTIONS[kind].parameters.length);
    }
  })();
  return { kind, parameters, start: pick(rng, [0, 0, 1, 5000]), max: pick(rng, [0, 10, 50_000]) };
}

/** Now and then none at all. */
const drawTime = (rng: Rng): Distribution =>
  rng.uniform() < 0.5 ? drawDistribution(rng) : fixed(pick(rng, [0, 1, 1000, 200_000]));

function drawAction(rng: Rng): Action {
  const kind = pick(rng, [
    'cancel',
    'send-padding',
    'send-padding',
    'block-outgoing',
    'block-outgoing',
    'update-timer',
  ] as const);
  const [bypass, replace] = [rng.uniform() < 0.5, rng.uniform() < 0.5];
  const limit = () => maybe(rng, 0.4, () => drawDistribution(rng));
  switch (kind) {
    case 'cancel':
      return { kind, timer: pick(rng, TIMERS) };
    case 'send-padding':
      return { kind, bypass, replace, timeout: drawTime(rng), limit: limit() };
    case 'block-outgoing':
      return { kind, bypass, replace, timeout: drawTime(rng), duration: drawTime(rng), limit: limit() };
    case 'update-timer':
      return { kind, replace, duration: drawTime(rng), limit: limit() };
  }
}

const drawCounter = (rng: Rng): CounterUpdate => ({
  operation: pick(rng, OPERATIONS),
  distribution: maybe(rng, 0.3, () => drawDistribution(rng)),
  copy: rng.uniform() < 0.2,
});

/** Up to four ways to go on, with probabilities of eighths, which sum exactly; the end is one in a hundred. */
function drawRow(rng: Rng, states: number): Transition[] {
  const targets = new Set<number>();
  for (let i = rng.integer(1, 4); i > 0; i--) {
    const u = rng.uniform();
    targets.add(u < 0.01 ? STATE_END : u < 0.1 ? STATE_SIGNAL : rng.integer(0, states - 1));
  }
  return [...targets].map((to) => ({ to, probability: rng.integer(1, Math.floor(8 / targets.size)) / 8 }));
}

function drawMachine(rng: Rng): Machine {
  const states = rng.integer(1, 4);
  return {
    allowedPaddingPackets: pick(rng, [0n, 10n, UNLIMITED]),
    maxPaddingFraction: pick(rng, [0, 0.3, 1]),
    allowedBlockedMicroseconds: pick(rng, [0n, 1_000_000n, UNLIMITED]),
    maxBlockingFraction: pick(rng, [0, 0.3, 1]),
    states: Array.from({ length: states }, () => ({
      action: maybe(rng, 0.8, () => drawAction(rng)),
      counters: [maybe(rng, 0.3, () => drawCounter(rng)), maybe(rng, 0.3, () => drawCounter(rng))] as const,
      transitions: EVENT_NAMES.map(() => maybe(rng, 0.6, () => drawRow(rng, states))),
    })),
  };
}

/** Any valid machine of up to four states, of a mind to act. */
export const anyMachine: fc.Arbitrary<Machine> = fc.nat().map((seed) => drawMachine(createRng(seed, 'machine')));
