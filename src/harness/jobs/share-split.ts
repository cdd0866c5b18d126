import { FLOW_COLUMNS, TRACE_COLUMNS, type Trace } from '../../trace/trace.js';
import type { TrainTest } from '../dataset.js';

/** Copies `parts` into shared memory, so that sending them to threads copies nothing. */
export function shareSplit(parts: TrainTest): TrainTest {
  return { ...parts, train: shareTrace(parts.train), test: shareTrace(parts.test) };
}

function shareTrace(trace: Trace): Trace {
  return { ...trace, ...TRACE_COLUMNS.share(trace), flows: { ...trace.flows, ...FLOW_COLUMNS.share(trace.flows) } };
}
