import { createHash } from 'node:crypto';
import type { PacketTable } from '../packets.js';

/** Files with fewer packets can be equal by chance: two copies of one announcement. */
const FEWEST_PACKETS = 10;

/**
 * Finds files with the same packets at the same times between the same ends, whatever their names, formats and compression.
 * @returns groups of paths, in the order read
 */
export function findIdenticalFiles(table: PacketTable): string[][] {
  const { files, packets, file, time, length } = table;
  const starts = new Float64Array(files.length).fill(-1);
  const counts = new Float64Array(files.length);
  const sums = new Float64Array(files.length);
  for (let i = 0; i < packets; i++) {
    const row = file[i]!;
    if (counts[row] === 0) starts[row] = i;
    counts[row]!++;
    sums[row]! += length[i]!;
  }
  // Most files differ in counts that are cheap to compare; only the rest are hashed.
  const rows = [...files.keys()].filter((row) => counts[row]! >= FEWEST_PACKETS);
  return groupsOf(rows, (row) => `${counts[row]} ${sums[row]} ${time[starts[row]!]}`)
    .flatMap((alike) => groupsOf(alike, (row) => hashRows(table, starts[row]!, starts[row]! + counts[row]!)))
    .map((same) => same.map((row) => files[row]!));
}

/** Describes each group of identical files in a line. */
export function describeIdentical(groups: readonly (readonly string[])[]): string[] {
  return groups.map((paths) => `${paths.join(', ')} hold the same packets, which count ${paths.length} times`);
}

/** Groups of several rows with the same key. */
function groupsOf(rows: readonly number[], keyOf: (row: number) => string): number[][] {
  const groups = new Map<string, number[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(row);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Hashes the rows of one file, which are contiguous. Files share the rows of conversations and addresses. */
function hashRows(table: PacketTable, from: number, to: number): string {
  const hash = createHash('sha256');
  const { time, length, source, destination, conversation, reverse } = table;
  for (const column of [time, length, source, destination, conversation, reverse]) {
    const part = column.subarray(from, to);
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}
