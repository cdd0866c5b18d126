/**
 * An expected fault: something the user can put right. The CLI prints its message as one line, without a stack trace,
 * and exits with `exitCode`. Anything else that is thrown is a bug of ours, and is shown as one.
 */
export class HomeveilError extends Error {
  override readonly name: string = 'HomeveilError';
  readonly exitCode: number = 1;
}

/** The request itself is wrong: an unknown name, a parameter out of range, options that exclude each other. */
export class UsageError extends HomeveilError {
  override readonly name = 'UsageError';
  override readonly exitCode = 2;
}

/** The request is fine, but what it was given to work on is not: an unreadable capture, too little data. */
export class InputError extends HomeveilError {
  override readonly name = 'InputError';
  override readonly exitCode = 1;
}

/** Whether what was thrown is the fault of the data or of a plug-in: then what needs neither may go on. */
export function isContained(thrown: unknown): thrown is HomeveilError {
  return thrown instanceof HomeveilError && !(thrown instanceof UsageError);
}

/**
 * Describes on one line what was thrown: an expected fault by its message, anything else by its kind, message and place in the code,
 * `TypeError: x is not a function (hold.ts:12:5)`.
 */
export function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return oneLine(`threw ${String(thrown)}`);
  if (thrown instanceof HomeveilError) return oneLine(thrown.message);
  const frame = (thrown.stack ?? '')
    .split('\n')
    .find((line) => /^\s+at .*:\d+:\d+\)?$/.test(line) && !line.includes('node:'));
  const place = frame?.match(/([^/\\(]+:\d+:\d+)\)?$/)?.[1];
  return oneLine(`${thrown.name}: ${thrown.message}${place ? ` (${place})` : ''}`);
}

/** `text` with every run of white space, line breaks included, as one space. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** `text` with a small first letter, as it continues a message. */
export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Code of somebody else's, a plug-in, threw what is no expected fault. Its message is one line that names the plug-in. */
export class PluginError extends HomeveilError {
  override readonly name = 'PluginError';
}

/** ` (did you mean "x"?)` for the nearest of `known` within two edits or a third of its length, else an empty string. */
export function suggestion(given: string, known: Iterable<string>): string {
  let best = '';
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best !== '' && bestDistance <= Math.max(2, best.length / 3) ? ` (did you mean "${best}"?)` : '';
}

/** 'a, b or c'. */
export function anyOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** Levenshtein distance between two short strings. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The words of a failed system call without its code and its arguments: "no space left on device". */
export function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  return /^E[A-Z0-9]+: (.*?), \w+( '.*')?$/s.exec(message)?.[1] ?? message;
}
