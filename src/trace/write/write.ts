import { extname } from 'node:path';
import { UsageError } from '../../shared/errors.js';
import type { Trace } from '../trace.js';
import { writeArrow } from './arrow.js';
import { type WritePcapOptions, writePcap } from './write-pcap.js';

/** Writes a trace to `path`; the options are a capture's, a table of all columns needs none. */
export type TraceWriter = (trace: Trace, path: string, options?: WritePcapOptions) => { readonly bytes: number };

const WRITERS: Readonly<Record<string, TraceWriter>> = {
  '.pcap': writePcap,
  '.arrow': (trace, path) => writeArrow(trace, path),
};

/** @throws UsageError, beginning with `where`, for a name whose extension says no format that can be written */
export function writerOf(path: string, where: string): TraceWriter {
  const write = WRITERS[extname(path).toLowerCase()];
  if (!write) throw new UsageError(`${where}: expected a name ending in .pcap or .arrow, found "${path}"`);
  return write;
}
