const DAY = 86_400;
const HOURS = 24;
/** Hours of the day that are told apart, as blocks: four days have too few of each single hour. */
const BLOCK_HOURS = 4;
const BLOCKS = HOURS / BLOCK_HOURS;
const FEWEST_DAYS = 3;
/** F of an analysis of variance between blocks of the day, of 5 and 12 degrees of freedom or more, that chance exceeds once in 200 times. */
const LEAST_F = 5.1;
/** Of the mean, at the quietest time. */
const LOWEST = 0.05;

/** Only waits of at least so long follow a rhythm: what is shorter is the device's own affair. */
export const RHYTHM_SECONDS = 60;

/**
 * How much more a device does in each hour of the day (UTC) than on average, in the hours in which it does anything; null where
 * there are less than three whole days, or days differ as much from each other as their hours do.
 * @param times seconds since the Unix epoch, ascending
 * @param from, to what was captured
 */
export function findRhythm(times: ArrayLike<number>, from: number, to: number): number[] | null {
  const whole = Math.floor((to - from) / DAY);
  if (whole < FEWEST_DAYS) return null;
  const active = new Uint8Array(whole * HOURS);
  for (let i = 0; i < times.length; i++) {
    const hour = Math.floor((times[i]! - from) / 3600);
    if (hour >= 0 && hour < active.length) active[hour] = 1;
  }
  const startHour = Math.floor(from / 3600) % HOURS;
  const blockOf = (hour: number) => Math.floor(((startHour + hour) % HOURS) / BLOCK_HOURS);
  // Active hours of each block of each day; a day here is as long as one, from the capture's first hour on.
  const cells = Array.from({ length: BLOCKS }, () => new Float64Array(whole));
  for (const [hour, is] of active.entries()) cells[blockOf(hour)]![Math.floor(hour / HOURS)]! += is;
  const means = cells.map((cell) => mean(cell));
  const grand = mean(means);
  if (grand === 0) return null;
  const between = (whole * means.reduce((sum, m) => sum + (m - grand) ** 2, 0)) / (BLOCKS - 1);
  const within =
    cells.reduce((sum, cell, b) => sum + cell.reduce((s, x) => s + (x - means[b]!) ** 2, 0), 0) /
    (BLOCKS * (whole - 1));
  if (between === 0 || between < LEAST_F * within) return null;
  const raised = means.map((m) => Math.max(m / grand, LOWEST));
  const scale = mean(raised);
  return Array.from({ length: HOURS }, (_, hour) =>
    Number((raised[Math.floor(hour / BLOCK_HOURS)]! / scale).toFixed(4)),
  );
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** How long the `seconds` from the time `from` on are by the rhythm's clock, on which a day is as long as any. */
export function toRhythm(rhythm: readonly number[], from: number, seconds: number): number {
  const days = Math.floor(seconds / DAY);
  let passed = days * DAY * mean(rhythm);
  let left = seconds - days * DAY;
  for (let at = from; left > 0; ) {
    const hour = Math.floor(at / 3600);
    const step = Math.min(left, (hour + 1) * 3600 - at);
    passed += step * rhythm[hour % HOURS]!;
    left -= step;
    at = (hour + 1) * 3600;
  }
  return passed;
}

/** The opposite of {@link toRhythm}: seconds from `from` on until `passed` by the rhythm's clock. */
export function fromRhythm(rhythm: readonly number[], from: number, passed: number): number {
  const day = DAY * mean(rhythm);
  const days = Math.floor(passed / day);
  let seconds = days * DAY;
  let left = passed - days * day;
  for (let at = from; left > 0; ) {
    const hour = Math.floor(at / 3600);
    const pace = rhythm[hour % HOURS]!;
    const room = (hour + 1) * 3600 - at;
    if (room * pace >= left) return seconds + left / pace;
    left -= room * pace;
    seconds += room;
    at = (hour + 1) * 3600;
  }
  return seconds;
}
