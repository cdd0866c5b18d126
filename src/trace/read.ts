import { statSync } from 'node:fs';
import { InputError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { type ByteSource, openBytes } from './bytes.js';
import { createIngest, type Ingest, MAX_FILES } from './ingest.js';
import type { FileReport, IngestReport, PacketTable } from './packets.js';
import { expandPaths } from './paths.js';
import { isPcap, readPcap } from './pcap.js';
import { isPcapng, readPcapng } from './pcapng.js';

export { expandPaths } from './paths.js';

export interface ReadOptions {
  readonly onProgress?: OnProgress;
}

/** A guess at the size of a record: room is made for fewer packets than are likely, and doubled when needed. */
const BYTES_PER_PACKET = 200;
const MOST_EXPECTED = 1 << 22;

/**
 * Reads capture files (pcap or pcapng, plain or gzip), one after another, in memory that grows with the number of
 * packets but not with their size. Folders are searched; see {@link expandPaths}. What is damaged or is no capture is
 * said in the report, one line each, and the rest is used.
 * @throws InputError where a path does not exist, or a folder holds no capture.
 */
export async function readCaptures(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<{ table: PacketTable; report: IngestReport }> {
  const files = expandPaths(paths);
  if (files.length > MAX_FILES) throw new InputError(`expected at most ${MAX_FILES} captures, found ${files.length}`);
  const reports: FileReport[] = [];
  const total = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const ingest = createIngest(Math.min(total / BYTES_PER_PACKET, MOST_EXPECTED));
  let before = 0;
  for (const path of files) {
    const report = await readFile(path, ingest, (bytes) => {
      options.onProgress?.({ task: 'reading', done: before + bytes, total, unit: 'bytes' });
    });
    before += report.bytes;
    reports.push(report);
  }
  return { table: ingest.table(), report: sumReports(reports) };
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
    links: {},
    from: null,
    to: null,
    problems: [],
  };
  let source: ByteSource;
  try {
    source = await openBytes(path, onRead);
  } catch (error) {
    report.problems.push(`${path}: cannot be read: ${(error as Error).message}`);
    return report;
  }
  try {
    report.bytes = source.size;
    const magic = (await source.need(4)) ? source.view.getUint32(0) : 0;
    if (!isPcap(magic) && !isPcapng(magic)) {
      report.problems.push(`${path}: expected a pcap or pcapng file, found ${whatItIs(source)}`);
      return report;
    }
    ingest.begin(report);
    report.format = isPcap(magic) ? 'pcap' : 'pcapng';
    await (isPcap(magic) ? readPcap : readPcapng)(source, ingest);
    ingest.end();
    return report;
  } finally {
    source.close();
  }
}

/** Names what stands in place of a capture. */
function whatItIs(source: ByteSource): string {
  if (source.fault !== '') return `what cannot be read: ${source.fault}`;
  const head = Buffer.from(source.view.buffer, 0, Math.min(source.end, 64));
  if (head.length === 0) return 'an empty file';
  if (head.toString('latin1').startsWith('version https://git-lfs')) {
    return 'a Git LFS pointer (the capture itself is yet to be fetched: git lfs pull)';
  }
  if (head.toString('latin1').startsWith('snoop\0')) return 'a snoop file';
  return `one that begins with ${head.subarray(0, 4).toString('hex')}`;
}

function sumReports(files: FileReport[]): IngestReport {
  const report: IngestReport = { read: 0, kept: 0, dropped: {}, backward: 0, files };
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
