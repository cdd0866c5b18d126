import { statSync } from 'node:fs';
import { InputError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import { findGaps } from '../clock.js';
import type { FileReport, IngestReport, PacketTable, SkippedFile } from '../packets.js';
import { type ColumnName, checkColumns } from '../seen.js';
import { type ByteSource, isStream, openBytes } from './bytes.js';
import type { Duplicates } from './duplicates.js';
import { createIngest, type Ingest, MAX_FILES } from './ingest.js';
import { describeContent, formatOf } from './magic.js';
import { findCaptures } from './paths.js';
import { readPcap } from './pcap.js';
import { readPcapng } from './pcapng.js';

export { expandPaths } from './paths.js';

export interface ReadOptions {
  readonly onProgress?: OnProgress;
  /** Whether packets that are copies of others are left out, as they are by default: see duplicates.ts. */
  readonly duplicates?: Duplicates;
  /** Columns that are read beside the packet table; none by default. */
  readonly columns?: readonly ColumnName[];
}

/** A guess at the size of a record: room is made for fewer packets than are likely, and doubled when needed. */
const BYTES_PER_PACKET = 200;
const MOST_EXPECTED = 1 << 22;

/**
 * Times, counters and checksums of a packet take several bytes however well they are packed. A packed file with less for each packet,
 * beyond so many, was made to fill the memory of whoever reads it.
 */
const PACKED_BYTES = 4;
const PACKETS_FREE = 1 << 18;

/**
 * Reads captures (pcap or pcapng, plain or packed with gzip, xz or zstd), one after another, in memory that grows with the number of
 * packets but not with their size. Folders are searched, and `-` is standard input; see {@link findCaptures}. What is damaged
 * or is no capture is said in the report, one line each, and the rest is used.
 * @throws InputError where a path does not exist, or a folder holds no capture; UsageError for an unknown column.
 */
export async function readCaptures(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<{ table: PacketTable; report: IngestReport }> {
  const { duplicates, columns = [] } = options;
  checkColumns(columns);
  const { files, skipped } = await findCaptures(paths);
  if (files.length > MAX_FILES) throw new InputError(`expected at most ${MAX_FILES} captures, found ${files.length}`);
  const reports: FileReport[] = [];
  const total = files.reduce((sum, path) => sum + (isStream(path) ? 0 : statSync(path).size), 0);
  const ingest = createIngest(Math.min(total / BYTES_PER_PACKET, MOST_EXPECTED), duplicates, undefined, columns);
  let before = 0;
  for (const path of files) {
    const report = await readFile(path, ingest, (bytes) => {
      options.onProgress?.({ task: 'reading', done: before + bytes, total, unit: 'bytes' });
    });
    before += report.bytes;
    reports.push(report);
  }
  const table = ingest.table();
  const payloads = ingest.payloads && { payloads: ingest.payloads };
  return { table, report: { ...sumReports(reports, skipped), gaps: findGaps(table.time), ...payloads } };
}

async function readFile(path: string, ingest: Ingest, onRead: (bytes: number) => void): Promise<FileReport> {
  const report: FileReport = {
    path,
    format: null,
    bytes: 0,
    read: 0,
    kept: 0,
    dropped: {},
    backward: 0,
    setBack: null,
    links: {},
    from: null,
    to: null,
    problems: [],
  };
  const first = ingest.packets;
  let consumed = 0;
  let source: ByteSource;
  try {
    source = await openBytes(path, {
      onRead(bytes) {
        consumed = bytes;
        onRead(bytes);
      },
      onUnpacked() {
        const most = PACKETS_FREE + Math.floor(consumed / PACKED_BYTES);
        if (ingest.packets - first <= most) return;
        throw new InputError(
          `expected at most ${most} packets in ${consumed} packed bytes, found more; if it is right, unpack it first`,
        );
      },
    });
  } catch (error) {
    report.problems.push(`${path}: cannot be read: ${(error as Error).message}`);
    return report;
  }
  try {
    report.bytes = source.size;
    const format = await formatOf(source);
    if (format === null) {
      report.problems.push(`${path}: expected a pcap or pcapng file, found ${await describeContent(source, path)}`);
      return report;
    }
    ingest.begin(report);
    report.format = format;
    try {
      await (format === 'pcap' ? readPcap : readPcapng)(source, ingest);
    } catch (error) {
      // Room for columns of packets is asked for as one piece.
      if (error instanceof RangeError) throw new InputError(`${path}: ${ingest.packets} packets fill the memory`);
      // A bound that the file exceeds: what came before is used.
      if (!(error instanceof InputError)) throw error;
      report.problems.push(`${path}: ${error.message}`);
    }
    ingest.end();
    return report;
  } finally {
    // The size of a stream is not known beforehand.
    report.bytes = Math.max(report.bytes, consumed);
    source.close();
  }
}

function sumReports(files: FileReport[], skipped: readonly SkippedFile[]): Omit<IngestReport, 'gaps'> {
  const report = { read: 0, kept: 0, dropped: {} as Record<string, number>, backward: 0, files, skipped };
  for (const file of files) {
    report.read += file.read;
    report.kept += file.kept;
    report.backward += file.backward;
    for (const [reason, count] of Object.entries(file.dropped)) {
      report.dropped[reason] = (report.dropped[reason] ?? 0) + count;
    }
  }
  return report;
}
