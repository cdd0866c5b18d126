import type { Interval } from '../learning/interval.js';
import { formatBytes, formatCount, formatPercent as percent } from '../shared/quantities.js';
import type { Change, ComparisonResult, ComparisonStatus } from './comparison.js';
import type { WatchView } from './watch.js';
import type { WatchedDevice } from './watcher.js';

/** What the terminal and the page say alike. */

export { formatPercent as percent } from '../shared/quantities.js';

/** Bytes a second. */
export function rate(bytes: number): string {
  return `${formatBytes(bytes)}/s`;
}

/** What passes now; or, where packets come but none leaves the home, what that may mean. */
export function trafficWords({ state, captured, nothingLeaves }: WatchView): string {
  if (nothingLeaves) {
    return `nothing leaves this home here: is this the gateway? (${counted(captured, 'packet')} seen, none of them crosses one)`;
  }
  const { packets, outbound, inbound } = state.traffic;
  return `${packets.toFixed(1)} packets/s, out ${rate(outbound)}, in ${rate(inbound)}`;
}

const counted = (count: number, noun: string) => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Minutes where they are whole. */
export function span(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** Devices in the order of the packets attributed to them of late, then of all. */
export function inOrder(devices: readonly WatchedDevice[]): WatchedDevice[] {
  return [...devices].sort((a, b) => b.now.packets - a.now.packets || b.all.packets - a.all.packets);
}

/** yes, no, or unclear: by the rules of conclude.ts, of the last span. */
export function seenWord({ now }: WatchedDevice, fewest: number): 'yes' | 'no' | 'unclear' {
  return now.seen ? 'yes' : now.packets < fewest ? 'no' : 'unclear';
}

export function seenNames({ state }: WatchView): string[] {
  return inOrder(state.devices)
    .filter(({ now }) => now.seen)
    .map(({ name }) => name);
}

/** Seconds ago as '3 s', '5 min', '2 h'. */
export function ago(time: number | null, now: number | null): string {
  if (time === null || now === null) return '–';
  const seconds = Math.max(0, now - time);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** What the share of noise is of; the traffic itself does not tell. */
export function noiseWord({ model, state }: WatchView): string {
  if (!model.hasCover) return 'not known: the model was trained without noise';
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
        : `${period}: switch the noise off, then say so`;
    case 'turn on':
      return `${period}: switch the noise on, then say so`;
    case 'off':
    case 'on':
      return `${period}: measuring with the noise ${phase}${left}`;
    case 'late packets':
      return 'waiting for the last packets';
    case 'failed':
      return `given up: ${problem}`;
    case 'done':
      return '';
  }
}

const points = (value: number) => `${value > 0 ? '+' : value < 0 ? '−' : '±'}${Math.abs(value * 100).toFixed(1)}`;
/** Signed as {@link points} are. */
const bytesADay = (megabytes: number) =>
  `${megabytes > 0 ? '+' : megabytes < 0 ? '−' : '±'}${formatBytes(Math.abs(megabytes) * 1e6)}`;

/** What was measured, with the noise off and on, and the difference; `short` is its name where there is little room. */
export interface ChangeRow {
  readonly what: string;
  readonly short: string;
  readonly off: string;
  readonly on: string;
  readonly difference: string;
  /** Of 95 %, or why there is none. */
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
    ...(accuracy ? [share(['packets of your devices named right', 'named right'], accuracy)] : []),
    share(['packets attributed to a device', 'attributed'], attributed),
    share(['mean confidence in those', 'confidence'], confidence),
    changeRow(['traffic', 'traffic'], [shown(bytes.off), shown(bytes.on)], cost, bytesADay, ' a day'),
  ];
}

/** Devices seen in every period with the noise off, and with it on. */
export function seenInPeriods({ periods }: ComparisonResult, noise: boolean): string {
  const some = periods.filter((period) => period.noise === noise);
  const names = [...new Set(some.flatMap(({ seen }) => seen))];
  const text = names.map((name) => {
    const count = some.filter(({ seen }) => seen.includes(name)).length;
    return some.length === 1 ? name : `${name} (${count} of ${some.length})`;
  });
  return text.length === 0 ? 'none' : text.join(', ');
}

/** What a comparison shows and does not. */
export function caveat({ isLabelled }: Pick<WatchView, 'isLabelled'>): string {
  const measure = isLabelled
    ? ''
    : 'Without labels (--labels) nobody knows which answers are right: noise that is taken for a device counts as attributed. ';
  return `${measure}The household does not do the same with the noise off and on; more and longer periods even that out, and the interval does not cover it. An observer who trains on this very noise may do better than this model.`;
}
