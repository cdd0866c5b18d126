import { type Shareable, share } from '../../shared/share.js';
import type { Trace } from '../../trace/trace.js';
import type { Parts } from '../dataset.js';

/** A copy of `parts` that threads can be sent without copying it again: its columns lie in shared memory. */
export function shareParts(parts: Parts): Parts {
  return { ...parts, train: shareTrace(parts.train), test: shareTrace(parts.test) };
}

function shareTrace(trace: Trace): Trace {
  return { ...shareColumns(trace), flows: shareColumns(trace.flows) };
}

function shareColumns<T extends object>(table: T): T {
  const isColumn = (value: unknown): value is Shareable => ArrayBuffer.isView(value);
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => [name, isColumn(value) ? share(value) : value]),
  ) as T;
}
