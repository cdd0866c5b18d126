import { FLOW_COLUMNS, TRACE_COLUMNS, type Trace } from '../../trace/trace.js';
import type { TrainTest } from '../dataset.js';

/** A copy of `parts` that threads can be sent without copying it again: its columns lie in shared memory. */
export function shareSplit(parts: TrainTest): TrainTest {
  return { ...parts, train: shareTrace(parts.train), test: shareTrace(parts.test) };
}

function shareTrace(trace: Trace): Trace {
  return { ...trace, ...TRACE_COLUMNS.share(trace), flows: { ...trace.flows, ...FLOW_COLUMNS.share(trace.flows) } };
}
