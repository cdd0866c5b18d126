import { InputError } from '../../shared/errors.js';
import { DISTRIBUTIONS, type Distribution } from './distribution.js';

/** Events that a state may respond to, numbered as in the serialised form. */
export const Event = {
  NORMAL_RECV: 0,
  PADDING_RECV: 1,
  TUNNEL_RECV: 2,
  NORMAL_SENT: 3,
  PADDING_SENT: 4,
  TUNNEL_SENT: 5,
  BLOCKING_BEGIN: 6,
  BLOCKING_END: 7,
  LIMIT_REACHED: 8,
  COUNTER_ZERO: 9,
  TIMER_BEGIN: 10,
  TIMER_END: 11,
  SIGNAL: 12,
} as const;
export type Event = (typeof Event)[keyof typeof Event];

/** Names of the events in Maybenot. */
export const EVENT_NAMES = [
  'NormalRecv',
  'PaddingRecv',
  'TunnelRecv',
  'NormalSent',
  'PaddingSent',
  'TunnelSent',
  'BlockingBegin',
  'BlockingEnd',
  'LimitReached',
  'CounterZero',
  'TimerBegin',
  'TimerEnd',
  'Signal',
] as const;

/** Pseudo-state: the machine stops for good. */
export const STATE_END = 2 ** 32 - 1;
/** Pseudo-state: all other machines get the event `SIGNAL`. */
export const STATE_SIGNAL = STATE_END - 1;

/** Numbered as in the serialised form. */
export const TIMERS = ['action', 'internal', 'all'] as const;
export type Timer = (typeof TIMERS)[number];

/** Action on entering a state. Distributions of time are in microseconds; a limit is the number of actions per stay in the state. */
export type Action =
  | { readonly kind: 'cancel'; readonly timer: Timer }
  | {
      readonly kind: 'send-padding';
      readonly bypass: boolean;
      readonly replace: boolean;
      readonly timeout: Distribution;
      readonly limit: Distribution | null;
    }
  | {
      readonly kind: 'block-outgoing';
      readonly bypass: boolean;
      readonly replace: boolean;
      readonly timeout: Distribution;
      readonly duration: Distribution;
      readonly limit: Distribution | null;
    }
  | {
      readonly kind: 'update-timer';
      readonly replace: boolean;
      readonly duration: Distribution;
      readonly limit: Distribution | null;
    };

/** Numbered as in the serialised form. */
export const OPERATIONS = ['increment', 'decrement', 'set'] as const;

/** Update of one of the two counters on entering a state. */
export interface CounterUpdate {
  readonly operation: (typeof OPERATIONS)[number];
  /** Distribution of the value; null for 1. */
  readonly distribution: Distribution | null;
  /** True: the value is that of the other counter before the state was entered, whatever the distribution. */
  readonly copy: boolean;
}

export interface Transition {
  /** A state's number, `STATE_END` or `STATE_SIGNAL`. */
  readonly to: number;
  /** Above 0, a float of 32 bits. */
  readonly probability: number;
}

export interface State {
  readonly action: Action | null;
  /** Updates of counters A and B. */
  readonly counters: readonly [CounterUpdate | null, CounterUpdate | null];
  /** Transitions by event; null for none. With the probability that remains to 1 the state does not change. */
  readonly transitions: readonly (readonly Transition[] | null)[];
}

/**
 * A machine of the Maybenot framework, version 2 (Pulls and Witwer, "Maybenot: A Framework for Traffic Analysis Defenses", WPES 2023, and
 * arXiv 2304.09510; https://github.com/maybenot-io/maybenot, crate maybenot 2.2). State 0 is the first.
 */
export interface Machine {
  /** Padding packets allowed before any fraction applies. */
  readonly allowedPaddingPackets: bigint;
  /** Largest share of padding among the packets sent; 0 for no limit. */
  readonly maxPaddingFraction: number;
  /** Microseconds of blocking allowed before any fraction applies. */
  readonly allowedBlockedMicroseconds: bigint;
  /** Largest share of the time that is blocked; 0 for no limit. */
  readonly maxBlockingFraction: number;
  readonly states: readonly State[];
}

const MOST_STATES = 100_000;

/**
 * Checks the rules of Maybenot's own `validate`, and that no number is NaN, which `validate` accepts.
 * @throws InputError: one line that begins with `where`
 */
export function checkMachine(machine: Machine, where: string): void {
  const fail = (what: string): never => {
    throw new InputError(`${where}: ${what}`);
  };
  const checkFraction = (name: string, value: number): void => {
    if (!(value >= 0 && value <= 1)) fail(`${name}: expected from 0 to 1, found ${value}`);
  };
  checkFraction('max_padding_frac', machine.maxPaddingFraction);
  checkFraction('max_blocking_frac', machine.maxBlockingFraction);
  const { states } = machine;
  if (states.length === 0) fail('expected at least one state, found none');
  if (states.length > MOST_STATES) fail(`expected at most ${MOST_STATES} states, found ${states.length}`);
  for (const [i, { action, counters, transitions }] of states.entries()) {
    for (const [event, row] of transitions.entries()) {
      const fault = row && transitionFault(row, states.length);
      if (fault) fail(`state ${i}: ${EVENT_NAMES[event]}: ${fault}`);
    }
    for (const [name, distribution] of distributionsOf(action, counters)) {
      const fault = distributionFault(distribution);
      if (fault) fail(`state ${i}: ${name}: ${fault}`);
    }
  }
}

function transitionFault(row: readonly Transition[], states: number): string | null {
  if (row.length === 0) return 'expected a transition, found none';
  const seen = new Set<number>();
  let sum = 0;
  for (const { to, probability } of row) {
    if (to >= states && to !== STATE_END && to !== STATE_SIGNAL) {
      return `expected a state below ${states}, found ${to}`;
    }
    if (seen.has(to)) return `state ${to} is named twice`;
    seen.add(to);
    if (!(probability > 0 && probability <= 1))
      return `expected a probability above 0, at most 1, found ${probability}`;
    sum = Math.fround(sum + probability);
  }
  return sum > 1 ? `expected probabilities that sum to at most 1, found ${sum}` : null;
}

function distributionsOf(action: Action | null, counters: State['counters']): [string, Distribution][] {
  const named: [string, Distribution | null | undefined][] = [
    ['counter A', counters[0]?.distribution],
    ['counter B', counters[1]?.distribution],
  ];
  if (action && action.kind !== 'cancel') {
    if ('timeout' in action) named.push(['timeout', action.timeout]);
    if ('duration' in action) named.push(['duration', action.duration]);
    named.push(['limit', action.limit]);
  }
  return named.filter((pair): pair is [string, Distribution] => pair[1] != null);
}

function distributionFault({ kind, parameters, start, max }: Distribution): string | null {
  const family = DISTRIBUTIONS[kind];
  const names = [...family.parameters, 'start', 'max'];
  const notNumber = [...parameters, start, max].findIndex(Number.isNaN);
  if (notNumber >= 0) return `${kind}: ${names[notNumber]}: expected a number, found NaN`;
  const fault = family.fault(parameters);
  return fault && `${kind}: ${fault}`;
}
