import type { Interval } from '../../learning/interval.js';
import type { Change, ComparisonResult, ComparisonStatus } from './comparison.js';
import type { WatchView } from './watch.js';
import type { WatchedDevice } from './watcher.js';

/** What the terminal and the page say alike. */

export function percent(share: number | null, digits = 1): string {
  return share === null ? '–' : `${(share * 100).toFixed(digits)} %`;
}

/** Bytes a second in powers of 1000. */
export function rate(bytes: number): string {
  return bytes < 999.5
    ? `${bytes.toFixed(0)} B/s`
    : bytes < 999_500
      ? `${(bytes / 1e3).toFixed(1)} kB/s`
      : `${(bytes / 1e6).toFixed(2)} MB/s`;
}

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
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toPrecision(3)}`;

function intervalText({ mean, low, high }: Interval, one: (value: number) => string, unit: string): string {
  const bounds =
    low === null || high === null ? 'no interval: too few blocks of time' : `95 % interval ${one(low)} to ${one(high)}`;
  return `${one(mean)} ${unit} (${bounds})`;
}

/** What was measured, with the noise off and on, and the difference, a row each. */
export function changeRows(result: ComparisonResult): { what: string; off: string; on: string; difference: string }[] {
  const row = (what: string, { off, on, difference }: Change) => ({
    what,
    off: percent(off),
    on: percent(on),
    difference: difference === null ? '–' : intervalText(difference, points, 'points'),
  });
  const { accuracy, attributed, confidence, rate: bytes, megabytesPerDay: cost } = result;
  return [
    ...(accuracy ? [row('packets of your devices named right', accuracy)] : []),
    row('packets attributed to a device', attributed),
    row('mean confidence in those', confidence),
    {
      what: 'traffic',
      off: bytes.off === null ? '–' : rate(bytes.off),
      on: bytes.on === null ? '–' : rate(bytes.on),
      difference: cost === null ? '–' : intervalText(cost, signed, 'MB/day'),
    },
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
