import { resolve } from 'node:path';
import { InputError } from '../shared/errors.js';
import { describeClock } from './clock.js';
import { type Labelling, readLabelling } from './labels/label-file.js';
import { type LabelledTrace, labelPackets } from './labels/labels.js';
import type { IngestReport, PacketTable } from './packets.js';
import { DUPLICATE, DUPLICATE_WINDOW } from './read/duplicates.js';
import { problemsOf } from './read/problems.js';
import { type ReadOptions, readCaptures } from './read/read.js';
import { carrierOf } from './read/unwrap.js';
import type { Trace } from './trace.js';

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
  const carried = carriedIn(table);
  if (labels === null) {
    throw new InputError(
      `${paths.join(', ')}: expected a home's traffic, found no host of a home in ${report.kept} packets${carried}`,
    );
  }
  const hosts = loaded.coverage.unlabelled.hosts.slice(0, 3).map((host) => host.address);
  throw new InputError(
    `${labels}: expected labels of devices in ${paths.join(', ')}, found none of them among ${report.kept} packets` +
      (hosts.length === 0 ? '' : ` (their hosts: ${hosts.join(', ')})`) +
      carried +
      loaded.warnings.map((warning) => `; ${warning}`).join(''),
  );
}

/** Names the carrier, if most packets carry others that are not read. */
function carriedIn({ packets, conversation, conversations }: PacketTable): string {
  const { transport, portA, portB } = conversations;
  const counts = new Map<string, number>();
  for (const row of conversation) {
    const name = carrierOf(transport[row]!, portA[row]!, portB[row]!);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const [name, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
  return count * 2 < packets ? '' : `; ${count} of them are ${name}, and what these carry cannot be read`;
}

/**
 * All that a user should know of captures that were read, one line each: doubts about labels, what was asked for
 * and is not there, copies, gaps and jumps of the clock,
 * then what could not be read.
 */
export function warningsOf({ trace, warnings, report }: LabelledTrace): string[] {
  const missing = describeMissing(trace, report);
  return [...warnings, ...missing, ...describeCopies(report), ...describeClock(report), ...problemsOf(report)];
}

/** Says how far the captures lack the payloads that something asked for is read from. */
function describeMissing({ flows, seen }: Trace, { payloads }: IngestReport): string[] {
  const asked = [seen?.payloadEntropy && 'payload entropy', flows.name && 'names'].filter((what) => what !== undefined);
  if (payloads === undefined || asked.length === 0) return [];
  const { packets, cut, missing } = payloads;
  const what = asked.join(' and ');
  const are = what === 'payload entropy' ? 'is' : 'are';
  if (packets > 0 && missing === packets) return [`no payload in the captures: ${what} ${are} missing`];
  if (missing + cut === 0) return [];
  return [
    `${missing} of ${packets} payloads are not in the captures, and ${cut} only in part: ${what} ${are} of what there is`,
  ];
}

function describeCopies({ read, dropped }: IngestReport): string[] {
  const copies = dropped[DUPLICATE] ?? 0;
  if (copies === 0) return [];
  return [
    `${copies} of ${read} packets are copies of others at most ${DUPLICATE_WINDOW * 1000} ms apart, as a mirror port or tcpdump -i any makes them, and are left out; --duplicates keep counts them`,
  ];
}
