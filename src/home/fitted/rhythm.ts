const DAY = 86_400;
const HOURS = 24;
/** Blocks of hours of the day: a few days have too little of each single hour. */
const BLOCK_HOURS = 4;
const BLOCKS = HOURS / BLOCK_HOURS;
const FEWEST_DAYS = 3;
/** Least F of an analysis of variance between blocks of the day (5 and 12 or more degrees of freedom): chance exceeds it once in 200 times. */
const LEAST_F = 5.1;
/** Lowest pace at the quietest time, as a share of the mean. */
const LOWEST = 0.05;

/** Shortest wait that follows a rhythm; shorter ones depend on the device alone. */
export const RHYTHM_SECONDS = 60;

/**
 * A device's activity in each hour of the day (UTC) relative to the mean, over hours with any activity; null where there are less than
 * three whole days, or days differ from each other as much as hours do.
 * @param times seconds since the Unix epoch, ascending
 * @param from, to the captured span
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
  // Active hours of each block of each day; a day is 24 hours, from the capture's first hour on.
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

/** The length of `seconds` from time `from` on by the rhythm's clock, on which a whole day keeps its length. */
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

/** The inverse of {@link toRhythm}: seconds from `from` on until `passed` by the rhythm's clock. */
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
