import type { Interval } from '../learning/interval.js';
import { formatBytes, formatCount, formatPercent as percent } from '../shared/quantities.js';
import type { Change, ComparisonResult, ComparisonStatus } from './comparison.js';
import type { WatchView } from './watch.js';
import type { WatchedDevice } from './watcher.js';

/** Texts that the terminal and the page share. */

export { formatPercent as percent } from '../shared/quantities.js';

/** Formats bytes a second. */
export function rate(bytes: number): string {
  return `${formatBytes(bytes)}/s`;
}

/** Describes the traffic now or, where packets come but none leaves the home, what that may mean. */
export function trafficWords({ state, captured, nothingLeaves }: WatchView): string {
  if (nothingLeaves) {
    return `no traffic leaves the home here: is this the gateway? (${counted(captured, 'packet')} captured, none of which crosses a gateway)`;
  }
  const { packets, outbound, inbound } = state.traffic;
  return `${packets.toFixed(1)} packets/s, out ${rate(outbound)}, in ${rate(inbound)}`;
}

const counted = (count: number, noun: string) => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Formats a duration, in minutes where they are whole. */
export function span(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** Sorts devices by the packets attributed to them recently, then by all their packets. */
export function inOrder(devices: readonly WatchedDevice[]): WatchedDevice[] {
  return [...devices].sort((a, b) => b.now.packets - a.now.packets || b.all.packets - a.all.packets);
}

/** Whether a device was seen in the last span, by the rules of conclude.ts. */
export function seenWord({ now }: WatchedDevice, fewest: number): 'yes' | 'no' | 'unclear' {
  return now.seen ? 'yes' : now.packets < fewest ? 'no' : 'unclear';
}

export function seenNames({ state }: WatchView): string[] {
  return inOrder(state.devices)
    .filter(({ now }) => now.seen)
    .map(({ name }) => name);
}

/** Formats the time since a moment: '3 s', '5 min', '2 h'. */
export function ago(time: number | null, now: number | null): string {
  if (time === null || now === null) return '–';
  const seconds = Math.max(0, now - time);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** Formats the share of noise as the model estimates it; the traffic itself does not show it. */
export function noiseWord({ model, state }: WatchView): string {
  if (!model.hasCover) return 'unknown: the model was trained without noise';
  return percent(state.now.cover);
}

export function phaseText({ phase, done, of, secondsLeft, problem, isAutomatic }: ComparisonStatus): string {
  const period = `period ${Math.min(of, done + 1)} of ${of}`;
  const left = secondsLeft === null ? '' : `, ${Math.ceil(secondsLeft)} s left`;
  switch (phase) {
    case 'idle':
      return '';
    case 'turn off':
      return isAutomatic
        ? `${period}: the noise command is being stopped`
        : `${period}: switch the noise off, then confirm`;
    case 'turn on':
      return `${period}: switch the noise on, then confirm`;
    case 'off':
    case 'on':
      return `${period}: measuring with the noise ${phase}${left}`;
    case 'late packets':
      return 'waiting for the last packets';
    case 'failed':
      return `failed: ${problem}`;
    case 'done':
      return '';
  }
}

const points = (value: number) => `${value > 0 ? '+' : value < 0 ? '−' : '±'}${Math.abs(value * 100).toFixed(1)}`;
/** Formats megabytes a day, with a sign as {@link points} does. */
const bytesADay = (megabytes: number) =>
  `${megabytes > 0 ? '+' : megabytes < 0 ? '−' : '±'}${formatBytes(Math.abs(megabytes) * 1e6)}`;

/** A measure with the noise off and on, and the difference; `short` is its name for narrow screens. */
export interface ChangeRow {
  readonly what: string;
  readonly short: string;
  readonly off: string;
  readonly on: string;
  readonly difference: string;
  /** Interval of 95 %, or why there is none. */
  readonly interval: string;
}

function changeRow(
  [what, short]: readonly [string, string],
  [off, on]: readonly [string, string],
  change: Interval | null,
  one: (value: number) => string,
  unit: string,
): ChangeRow {
  if (change === null) return { what, short, off, on, difference: '–', interval: '–' };
  const { mean, low, high } = change;
  const interval = low === null || high === null ? 'too few blocks of time' : `${one(low)} to ${one(high)}`;
  return { what, short, off, on, difference: `${one(mean)}${unit}`, interval };
}

export function changeRows(result: ComparisonResult): ChangeRow[] {
  const share = (names: readonly [string, string], { off, on, difference }: Change) =>
    changeRow(names, [percent(off), percent(on)], difference, points, ' points');
  const { accuracy, attributed, confidence, rate: bytes, megabytesPerDay: cost } = result;
  const shown = (value: number | null) => (value === null ? '–' : rate(value));
  return [
    ...(accuracy ? [share(["your devices' packets identified correctly", 'correct'], accuracy)] : []),
    share(['packets attributed to a device', 'attributed'], attributed),
    share(['mean confidence of those', 'confidence'], confidence),
    changeRow(['traffic', 'traffic'], [shown(bytes.off), shown(bytes.on)], cost, bytesADay, ' a day'),
  ];
}

/** Lists devices seen in the periods with the noise off or on, and in how many of them. */
export function seenInPeriods({ periods }: ComparisonResult, noise: boolean): string {
  const some = periods.filter((period) => period.noise === noise);
  const names = [...new Set(some.flatMap(({ seen }) => seen))];
  const text = names.map((name) => {
    const count = some.filter(({ seen }) => seen.includes(name)).length;
    return some.length === 1 ? name : `${name} (${count} of ${some.length})`;
  });
  return text.length === 0 ? 'none' : text.join(', ');
}

/** Explains what a comparison cannot show. */
export function caveat({ isLabelled }: Pick<WatchView, 'isLabelled'>): string {
  const measure = isLabelled
    ? ''
    : 'Without labels (--labels) it is unknown which answers are right: noise mistaken for a device counts as attributed. ';
  return `${measure}Household activity differs between periods. More and longer periods even that out, but the interval does not account for it. An observer who trains on this noise may do better than this model.`;
}
