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
