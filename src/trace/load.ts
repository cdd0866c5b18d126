import { resolve } from 'node:path';
import { InputError } from '../shared/errors.js';
import { describeClock } from './clock.js';
import { DUPLICATE, DUPLICATE_WINDOW } from './duplicates.js';
import { type Labelling, readLabelling } from './label-file.js';
import { type LabelledTrace, labelPackets } from './labels.js';
import type { IngestReport } from './packets.js';
import { problemsOf } from './problems.js';
import { type ReadOptions, readCaptures } from './read.js';

/**
 * Reads captures (files and folders) and gives their packets the devices that `labels` names: the path of a label file, or the
 * words of labellingOf (`file`, `folder`, `folder=2`, `folder=top`); or, for null, the host of the home (see hosts.ts) that each is of. The
 * order of `paths` changes nothing: they are read in their natural order.
 * @throws InputError where the labels cannot be read, or no packet belongs to a device
 */
export async function loadTrace(
  paths: readonly string[],
  labels: string | null,
  options: ReadOptions = {},
): Promise<LabelledTrace> {
  // First the labels: a mistake in them should not be found after minutes of reading.
  const labelling: Labelling = labels === null ? { by: 'host' } : readLabelling(labels, paths);
  const { compare } = new Intl.Collator('en', { numeric: true });
  const sorted = [...paths].sort((a, b) => compare(a, b) || (a < b ? -1 : 1));
  const { table, report } = await readCaptures(sorted, options);
  // A label file among its captures is not forgotten.
  if (labels !== null) report.skipped = report.skipped.filter(({ path }) => resolve(path) !== resolve(labels));
  const loaded = labelPackets(table, report, labelling);
  if (loaded.trace.packets > 0) return loaded;
  if (report.kept === 0) {
    const problem = report.files.flatMap((file) => file.problems)[0];
    throw new InputError(problem ?? `${paths.join(', ')}: expected packets, found none that can be used`);
  }
  if (labels === null) {
    throw new InputError(
      `${paths.join(', ')}: expected a home's traffic, found no host of a home in ${report.kept} packets`,
    );
  }
  const hosts = loaded.coverage.unlabelled.hosts.slice(0, 3).map((host) => host.address);
  throw new InputError(
    `${labels}: expected labels of devices in ${paths.join(', ')}, found none of them among ${report.kept} packets` +
      (hosts.length === 0 ? '' : ` (their hosts: ${hosts.join(', ')})`) +
      loaded.warnings.map((warning) => `; ${warning}`).join(''),
  );
}

/**
 * All that a user should know of captures that were read, one line each: doubts about labels, copies, gaps and jumps of the clock,
 * then what could not be read.
 */
export function warningsOf({ warnings, report }: LabelledTrace): string[] {
  return [...warnings, ...describeCopies(report), ...describeClock(report), ...problemsOf(report)];
}

function describeCopies({ read, dropped }: IngestReport): string[] {
  const copies = dropped[DUPLICATE] ?? 0;
  if (copies === 0) return [];
  return [
    `${copies} of ${read} packets are copies of others at most ${DUPLICATE_WINDOW * 1000} ms apart, as a mirror port or tcpdump -i any makes them, and are left out; --duplicates keep counts them`,
  ];
}
