import { isSeen } from '../harness/observer/conclude.js';
import { type Interval, type RatioBlocks, ratioDifference } from '../learning/interval.js';
import { ratio } from '../learning/scores.js';
import { UsageError } from '../shared/errors.js';
import { createRng } from '../shared/rng.js';
import { addTally, createTally, ofClass, Sum, type Tally } from './tally.js';
import { KEPT_SLOTS, type Watcher, type WatcherOptions } from './watcher.js';

export interface ComparisonRequest {
  /** Length of each period, in seconds. */
  readonly seconds: number;
  /** Number of pairs of periods, with the noise off, then on. */
  readonly pairs: number;
}

/** Starts and stops the noise. */
export interface NoiseSwitch {
  start(): void;
  stop(): Promise<void>;
  /** Why the noise ended by itself; null where it did not. */
  readonly failure: string | null;
}

/** A period of a comparison, and the conclusions from its packets. */
interface Period {
  readonly noise: boolean;
  readonly from: number;
  readonly to: number;
  readonly packets: number;
  readonly bytes: number;
  readonly seen: readonly string[];
}

/** A ratio with the noise off and on, and the difference: on less off. */
export interface Change {
  readonly off: number | null;
  readonly on: number | null;
  /** Null where a side has no data. */
  readonly difference: Interval | null;
}

export interface ComparisonResult {
  readonly periods: readonly Period[];
  /** Number of blocks of time on each side, from which the intervals are computed. */
  readonly blocks: number;
  /** Share of labelled devices' packets that are identified correctly; null without labels. */
  readonly accuracy: Change | null;
  /** Share of packets attributed to a device, rightly or wrongly. */
  readonly attributed: Change;
  /** Mean probability of those attributions. */
  readonly confidence: Change;
  /** Bytes a second that the observer sees, in both directions. */
  readonly rate: Change;
  /** The difference of rates over a day, in MB (10^6 bytes). */
  readonly megabytesPerDay: Interval | null;
}

type Phase = 'idle' | 'turn off' | 'off' | 'turn on' | 'on' | 'late packets' | 'done' | 'failed';

export interface ComparisonStatus {
  readonly phase: Phase;
  readonly request: ComparisonRequest;
  /** Whether the noise is switched by a command, not by hand. */
  readonly isAutomatic: boolean;
  /** Number of periods completed, and of all periods. */
  readonly done: number;
  readonly of: number;
  /** Seconds left in the current period. */
  readonly secondsLeft: number | null;
  readonly problem: string | null;
  readonly result: ComparisonResult | null;
}

export interface Comparison {
  readonly status: ComparisonStatus;
  /** @throws UsageError for periods that cannot be measured, and while another comparison runs */
  start(now: number, request?: ComparisonRequest): Promise<void>;
  /** Confirms that the noise has been switched by hand. */
  confirm(now: number): void;
  cancel(): Promise<void>;
  /** Ends periods whose time is over. Call it often. */
  tick(now: number): Promise<void>;
}

/** Seconds after a period's end in which its packets may still come. */
const LATE = 3;
const FEWEST_SLOTS = 10;
const MOST_PAIRS = 100;
/** Blocks that each period is cut into where there are too few periods to use each as a block. */
const BLOCKS = 10;
const PERIODS_FOR_BLOCKS = 5;
const DAY = 86_400;
const AT_REST: readonly Phase[] = ['idle', 'done', 'failed'];

/** @throws UsageError for periods that cannot be measured */
export function checkComparison({ seconds, pairs }: ComparisonRequest, slotSeconds: number): void {
  if (!Number.isInteger(pairs) || pairs < 1 || pairs > MOST_PAIRS) {
    throw new UsageError(`--periods: expected a whole number from 1 to ${MOST_PAIRS}, found ${pairs}`);
  }
  if (!(seconds >= FEWEST_SLOTS * slotSeconds)) {
    throw new UsageError(
      `--compare: expected periods of at least ${FEWEST_SLOTS * slotSeconds} s (a sixth of --span), found ${seconds} s`,
    );
  }
  const most = Math.floor((KEPT_SLOTS * slotSeconds) / (2 * pairs) / 1.5);
  if (seconds > most) {
    throw new UsageError(`--compare: expected periods of at most ${most} s (or a longer --span), found ${seconds} s`);
  }
}

/**
 * Measures what an observer concludes with the noise off, then on, and again (ABAB). Household activity differs between periods, and
 * alternating evens that out somewhat.
 * @param noise switches the noise; null where a person does so and confirms it
 */
export function createComparison(
  watcher: Watcher,
  { classes, mistaken, isLabelled = false }: Pick<WatcherOptions, 'classes' | 'mistaken' | 'isLabelled'>,
  defaults: ComparisonRequest,
  noise: NoiseSwitch | null,
): Comparison {
  let request = defaults;
  let phase: Phase = 'idle';
  let periods: { noise: boolean; from: number; to: number }[] = [];
  let until: number | null = null;
  let clock = 0;
  let problem: string | null = null;
  let result: ComparisonResult | null = null;

  const begin = (isOn: boolean, now: number): void => {
    phase = isOn ? 'on' : 'off';
    until = now + request.seconds;
    periods.push({ noise: isOn, from: now, to: until });
  };
  /** Switches the noise if there is a command, or asks for it to be switched. */
  const turn = async (isOn: boolean, now: number): Promise<void> => {
    until = null;
    if (noise === null) {
      phase = isOn ? 'turn on' : 'turn off';
      return;
    }
    if (isOn) {
      noise.start();
      begin(true, now);
      return;
    }
    // Stopping takes a moment, which belongs to no period: the next one begins with the next tick.
    await noise.stop();
    phase = 'turn off';
  };

  const measure = async (): Promise<ComparisonResult> => {
    const tallies = await Promise.all(periods.map(({ from, to }) => watcher.slots(from, to)));
    const wholes = tallies.map((slots) => sumOf(slots, classes.length));
    const isCut = request.pairs < PERIODS_FOR_BLOCKS;
    const side = (isOn: boolean) =>
      periods.flatMap((period, i) =>
        period.noise !== isOn
          ? []
          : isCut
            ? cut(tallies[i]!, classes.length)
            : [{ sum: wholes[i]!, slots: tallies[i]!.length }],
      );
    const [off, on] = [side(false), side(true)];
    const rng = createRng(1, 'watch', 'comparison');
    const change = (name: string, part: (block: Block) => number, whole: (block: Block) => number): Change => {
      const blocks = (blocks: readonly Block[]): RatioBlocks => ({
        part: Float64Array.from(blocks, part),
        whole: Float64Array.from(blocks, whole),
      });
      const [a, b] = [blocks(off), blocks(on)];
      const mean = ({ part, whole }: RatioBlocks) =>
        ratio(
          part.reduce((x, y) => x + y, 0),
          whole.reduce((x, y) => x + y, 0),
        );
      return { off: mean(a), on: mean(b), difference: ratioDifference(a, b, rng.stream(name)) };
    };
    const devices = classes.map((_, c) => c).filter((c) => classes[c]!.category !== null);
    const attributed = ({ sum }: Block) => devices.reduce((n, c) => n + ofClass(sum, c).packets, 0);
    const confidence = ({ sum }: Block) =>
      devices.reduce((n, c) => n + ofClass(sum, c).packets * (ofClass(sum, c).confidence ?? 0), 0);
    const rate = change(
      'rate',
      ({ sum }) => sum[Sum.BYTES]!,
      ({ slots }) => slots * watcher.slotSeconds,
    );
    const perDay = (bytes: number | null) => (bytes === null ? null : (bytes * DAY) / 1e6);
    const { difference } = rate;
    return {
      periods: periods.map((period, i) => ({
        ...period,
        packets: wholes[i]![Sum.PACKETS]!,
        bytes: wholes[i]![Sum.BYTES]!,
        seen: devices
          .filter((c) => isSeen(ofClass(wholes[i]!, c).packets, wholes[i]![Sum.PACKETS]!, mistaken[c]!))
          .map((c) => classes[c]!.name),
      })),
      blocks: off.length,
      accuracy: isLabelled
        ? change(
            'accuracy',
            ({ sum }) => sum[Sum.RIGHT]!,
            ({ sum }) => sum[Sum.SCORED]!,
          )
        : null,
      attributed: change('attributed', attributed, ({ sum }) => sum[Sum.PACKETS]!),
      confidence: change('confidence', confidence, attributed),
      rate,
      megabytesPerDay: difference && {
        mean: perDay(difference.mean)!,
        low: perDay(difference.low),
        high: perDay(difference.high),
      },
    };
  };

  return {
    get status() {
      return {
        phase,
        request,
        isAutomatic: noise !== null,
        done: periods.filter(({ to }) => to <= clock).length,
        of: 2 * request.pairs,
        secondsLeft: until === null ? null : Math.max(0, until - clock),
        problem,
        result,
      };
    },
    async start(now, asked = defaults) {
      if (!AT_REST.includes(phase)) throw new UsageError('a comparison is already running; cancel it first');
      checkComparison(asked, watcher.slotSeconds);
      request = asked;
      clock = now;
      periods = [];
      problem = null;
      result = null;
      await turn(false, now);
    },
    confirm(now) {
      clock = now;
      if (phase === 'turn off') begin(false, now);
      else if (phase === 'turn on') begin(true, now);
    },
    async cancel() {
      phase = 'idle';
      until = null;
      periods = [];
      await noise?.stop();
    },
    async tick(now) {
      clock = now;
      if (phase === 'on' && noise?.failure) {
        problem = noise.failure;
        phase = 'failed';
        until = null;
        return;
      }
      if (phase === 'turn off' && noise !== null) begin(false, now);
      if (until === null || now < until) return;
      if (phase === 'off') await turn(true, now);
      else if (phase === 'on' && periods.length < 2 * request.pairs) await turn(false, now);
      else if (phase === 'on') {
        await noise?.stop();
        phase = 'late packets';
        until = now + LATE;
      } else if (phase === 'late packets') {
        until = null;
        result = await measure();
        phase = 'done';
      }
    },
  };
}

interface Block {
  readonly sum: Tally;
  readonly slots: number;
}

/** Cuts slots into blocks of consecutive slots, of about equal size. */
function cut(slots: readonly Tally[], classes: number): Block[] {
  const blocks = Math.min(BLOCKS, slots.length);
  return Array.from({ length: blocks }, (_, b) => {
    const some = slots.slice(Math.floor((b * slots.length) / blocks), Math.floor(((b + 1) * slots.length) / blocks));
    return { sum: sumOf(some, classes), slots: some.length };
  });
}

function sumOf(tallies: readonly Tally[], classes: number): Tally {
  const sum = createTally(classes);
  for (const tally of tallies) addTally(sum, tally);
  return sum;
}
