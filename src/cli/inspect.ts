import type { CommandModule } from 'yargs';
import { InputError } from '../shared/errors.js';
import { formatTime } from '../shared/quantities.js';
import { describeClock } from '../trace/clock.js';
import { describeEncrypted } from '../trace/encrypted.js';
import { describeIdentical, findIdenticalFiles } from '../trace/labels/identical.js';
import type { Coverage, LabelledTrace } from '../trace/labels/labels.js';
import { loadTrace } from '../trace/load.js';
import type { FileReport, IngestReport, PacketTable } from '../trace/packets.js';
import { DUPLICATE, type Duplicates } from '../trace/read/duplicates.js';
import { readCaptures } from '../trace/read/read.js';
import { isGroupMac, isLocalMac, scopeOf } from '../trace/scope.js';
import {
  type AddressTraceability,
  createDayLog,
  type DeviceTraceability,
  type LinkedDays,
  linkDays,
  traceAddresses,
  traceDevices,
} from '../trace/traceability.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { formatBytes, formatCount, formatDuration, formatPercent, table, withProgress, wrap } from './terminal.js';

interface InspectOptions {
  files: string[];
  labels?: string;
  duplicates?: Duplicates;
  json: boolean;
}

const command: CommandModule<object, InspectOptions> = {
  command: 'inspect <files..>',
  describe: 'Show what captures hold: packets read, kept and dropped and why, links, span, devices',
  builder: (yargs) =>
    yargs
      .positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: CAPTURES,
      })
      .option('labels', {
        type: 'string',
        describe: LABELS,
      })
      .option('duplicates', DUPLICATES_OPTION)
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' }),
  handler: async ({ files, labels, duplicates, json }) => {
    const found = await withProgress(async (progress) =>
      labels === undefined
        ? withHosts(await readCaptures(files, { ...progress, duplicates }))
        : withDevices(await loadTrace(files, labels, { ...progress, duplicates, columns: ['names'] })),
    );
    const { report } = found;
    const isReadable = report.files.some((file) => file.format !== null);
    if (json) console.log(JSON.stringify(toJson(found), null, 2));
    else if (isReadable) console.log(toText(found));
    if (isReadable) return;
    const [problem] = report.files.flatMap((file) => file.problems);
    const { length } = report.files;
    if (problem === undefined) throw new InputError('expected captures, found no file to read');
    throw new InputError(length === 1 ? problem : `expected captures, found none among ${length} files: ${problem}`);
  },
};

export default command;

/** The kept packets of a host. */
interface Host {
  /** MAC address, or IP address if the link has none. */
  readonly address: string;
  readonly sent: number;
  readonly received: number;
  readonly bytes: number;
  /** For a MAC address: whether it is administered locally, as randomised addresses are, and the UTC days on which it sends. */
  readonly randomised?: boolean;
  readonly days?: number;
}

interface LabelledDevice extends Pick<Host, 'sent' | 'received' | 'bytes'>, LinkedDays {
  readonly name: string;
  readonly category: string;
  readonly addresses: readonly string[];
  /** Those of `addresses` that are administered locally. */
  readonly randomised: readonly string[];
}

interface Findings {
  readonly report: IngestReport;
  /** Hosts, those with most packets first, if there are no labels. */
  readonly hosts?: readonly Host[];
  /** Labelled devices, if there are labels. */
  readonly devices?: readonly LabelledDevice[];
  readonly unlabelled?: Coverage['unlabelled'];
  readonly traceability: AddressTraceability | DeviceTraceability;
  /** The names of whom they talk to. */
  readonly names?: Coverage['names'];
  /** Warnings about the labels and about the captures as a whole. */
  readonly warnings?: readonly string[];
}

function withHosts({ table, report }: { table: PacketTable; report: IngestReport }): Findings {
  const { macs, conversations } = table;
  const { addresses, addressA, addressB } = conversations;
  const names = [...macs, ...addresses];
  const sent = new Float64Array(names.length);
  const received = new Float64Array(names.length);
  const bytes = new Float64Array(names.length);
  const dayLog = createDayLog(macs);
  for (let i = 0; i < table.packets; i++) {
    dayLog.add(0, table.source[i]!, table.time[i]!);
    const conversation = table.conversation[i]!;
    const [sender, receiver] = table.reverse[i] === 0 ? [addressA, addressB] : [addressB, addressA];
    const from = table.source[i] || macs.length + sender[conversation]!;
    const to = table.destination[i] || macs.length + receiver[conversation]!;
    sent[from]!++;
    received[to]!++;
    bytes[from]! += table.length[i]!;
    if (to !== from) bytes[to]! += table.length[i]!;
  }
  const hosts: Host[] = [];
  const addressDays = dayLog.daysOf(0);
  const days = new Map(addressDays.map((one) => [one.address, one.days.length]));
  for (const [i, address] of names.entries()) {
    const isMac = i < macs.length;
    if (sent[i]! + received[i]! === 0 || address === '' || isGroup(address, isMac)) continue;
    const ofMac = isMac ? { randomised: isLocalMac(address), days: days.get(address) ?? 0 } : {};
    hosts.push({ address, sent: sent[i]!, received: received[i]!, bytes: bytes[i]!, ...ofMac });
  }
  hosts.sort((a, b) => b.sent + b.received - a.sent - a.received || (a.address < b.address ? -1 : 1));
  const warnings = [...describeIdentical(findIdenticalFiles(table)), ...describeEncrypted(table)];
  return { report, hosts, traceability: traceAddresses(addressDays), warnings };
}

function isGroup(address: string, isMac: boolean): boolean {
  return isMac ? isGroupMac(address) : scopeOf(address) === 'group';
}

function withDevices({ trace, report, coverage, warnings }: LabelledTrace): Findings {
  const bytes = new Float64Array(trace.devices.length);
  for (let i = 0; i < trace.packets; i++) bytes[trace.device[i]!]! += trace.length[i]!;
  const devices = coverage.devices.map(({ name, category, outbound, inbound, addresses, macDays }, id) => ({
    name,
    category,
    addresses: addresses.map(({ address }) => address),
    randomised: addresses.flatMap(({ address }) => (isRandomised(address) ? address : [])),
    sent: outbound,
    received: inbound,
    bytes: bytes[id]!,
    ...linkDays(macDays),
  }));
  const traceability = traceDevices(coverage.devices.map(({ macDays }) => macDays));
  return { report, devices, unlabelled: coverage.unlabelled, names: coverage.names, traceability, warnings };
}

/** Whether an address of either kind is a MAC address that is administered locally. */
function isRandomised(address: string): boolean {
  return scopeOf(address) === 'none' && isLocalMac(address);
}

/** First and last time of all files, in seconds since the Unix epoch; null if nothing was kept. */
function spanOf(files: readonly FileReport[]): { from: number; to: number } | null {
  const from = files.flatMap((file) => file.from ?? []);
  const to = files.flatMap((file) => file.to ?? []);
  return from.length === 0 ? null : { from: Math.min(...from), to: Math.max(...to) };
}

function linksOf(files: readonly FileReport[]): Record<string, number> {
  const links: Record<string, number> = {};
  for (const file of files) {
    for (const [name, count] of Object.entries(file.links)) links[name] = (links[name] ?? 0) + count;
  }
  return links;
}

/** The JSON document: the report with its sums, then hosts or devices. */
function toJson({ report, ...who }: Findings) {
  const { files, ...sums } = report;
  const span = spanOf(files);
  return { ...sums, from: span?.from ?? null, to: span?.to ?? null, links: linksOf(files), ...who, files };
}

const WIDTH = 80;
/** Rows shown of a long table. */
const SHOWN = 20;
const ADDRESSES_SHOWN = 2;

function toText(found: Findings): string {
  const { report } = found;
  const parts = [summaryText(report)];
  if (report.files.length > 1) parts.push(filesText(report.files));
  const reasons = Object.entries(report.dropped).sort((a, b) => b[1] - a[1]);
  if (reasons.length > 0) {
    const columns = [
      { title: 'Dropped, because', shrink: true },
      { title: 'packets', align: 'right' as const },
    ];
    const rows = reasons.map(([reason, count]) => [reason, formatCount(count)]);
    parts.push(shownTable(columns, rows, 'reasons'));
  }
  const { days } = found.traceability;
  if (found.hosts && found.hosts.length > 0) parts.push(hostsText(found.hosts, days > 1));
  if (found.devices) parts.push(devicesText(found.devices, found.unlabelled?.packets ?? 0, days > 1));
  if (found.names) parts.push(namesText(found.names));
  if (days > 0) parts.push(traceabilityText(found));
  const { warnings = [] } = found;
  if (warnings.length > 0) parts.push(`Warnings\n${warnings.flatMap((line) => wrap(line, 4, 0)).join('\n')}`);
  const clock = describeClock(report);
  if (clock.length > 0) parts.push(`Clock\n${clock.flatMap((line) => wrap(line, 4, 0)).join('\n')}`);
  const problems = report.files.flatMap((file) => file.problems);
  if (problems.length > 0) parts.push(`Problems\n${problems.flatMap((line) => wrap(line, 4, 0)).join('\n')}`);
  if (report.skipped.length > 0) parts.push(skippedText(report.skipped));
  return parts.join('\n\n');
}

function summaryText({ files, skipped, read, kept, backward, gaps, dropped }: IngestReport): string {
  const captures = files.filter((file) => file.format !== null);
  const bytes = captures.reduce((sum, file) => sum + file.bytes, 0);
  const span = spanOf(files);
  const notRead = files.length - captures.length + skipped.length;
  const lines: [string, string][] = [
    ['Files', `${captures.length} read (${formatBytes(bytes)})${notRead > 0 ? `, ${notRead} not read` : ''}`],
    ['Packets', `${formatCount(read)} read, ${formatCount(kept)} kept, ${formatCount(read - kept)} dropped`],
  ];
  const links = Object.entries(linksOf(files));
  for (const [name, count] of links.slice(0, SHOWN)) lines.push(['Link', `${name}, ${formatCount(count)}`]);
  if (links.length > SHOWN) lines.push(['', `… and ${links.length - SHOWN} more (all of them with --json)`]);
  if (span) {
    const seconds = formatDuration(span.to - span.from);
    lines.push(['Span', `${formatTime(span.from)} to ${formatTime(span.to)} UTC (${seconds})`]);
    if (gaps.length > 0) {
      const observed = gaps.reduce((rest, { from, to }) => rest - (to - from), span.to - span.from);
      lines.push(['Observed', `${formatDuration(observed)} of it, the rest is gaps`]);
    }
  }
  const copies = dropped[DUPLICATE] ?? 0;
  if (copies > 0) {
    lines.push(['Copies', `${formatCount(copies)} of packets before them, left out (--duplicates keep)`]);
  }
  if (backward > 0) lines.push(['Order', `${formatCount(backward)} packets earlier than the one before`]);
  return lines.map(([name, text]) => `${name.padEnd(9)}${text}`).join('\n');
}

function skippedText(skipped: IngestReport['skipped']): string {
  const lines = skipped.slice(0, SHOWN).flatMap(({ path, reason }) => wrap(`${path}: ${reason}`, 4, 0));
  return ['Not read', ...lines, ...moreText(skipped.length, 'files')].join('\n');
}

function filesText(files: readonly FileReport[]): string {
  const rows = files
    .filter((file) => file.format !== null)
    .map((file) => [
      file.path,
      file.format!,
      formatCount(file.read),
      formatCount(file.kept),
      file.from === null ? '' : formatDuration(file.to! - file.from),
    ]);
  return shownTable(
    [
      { title: 'File', shrink: true },
      { title: 'format' },
      { title: 'read', align: 'right' },
      { title: 'kept', align: 'right' },
      { title: 'span', align: 'right' },
    ],
    rows,
    'files',
  );
}

const TRAFFIC = [
  { title: 'sent', align: 'right' },
  { title: 'received', align: 'right' },
  { title: 'bytes', align: 'right' },
] as const;

function trafficCells({ sent, received, bytes }: Pick<Host, 'sent' | 'received' | 'bytes'>): string[] {
  return [formatCount(sent), formatCount(received), formatBytes(bytes)];
}

/** Marks a MAC address that is administered locally. */
const RANDOMISED = '*';

function hostsText(hosts: readonly Host[], hasDays: boolean): string {
  const rows = hosts.map((host) => [
    host.address + (host.randomised ? RANDOMISED : ''),
    ...trafficCells(host),
    ...(hasDays ? [host.days === undefined ? '' : formatCount(host.days)] : []),
  ]);
  const days = hasDays ? [{ title: 'days', align: 'right' as const }] : [];
  return shownTable([{ title: 'Host', shrink: true }, ...TRAFFIC, ...days], rows, 'hosts');
}

function devicesText(devices: readonly LabelledDevice[], unlabelled: number, hasDays: boolean): string {
  const rows = devices.map((device) => [
    device.name,
    device.category,
    shownAddresses(device),
    ...trafficCells(device),
    ...(hasDays ? [`${device.linked} of ${device.pairs}`] : []),
  ]);
  const columns = [
    { title: 'Device', shrink: true },
    { title: 'category' },
    { title: 'address' },
    ...TRAFFIC,
    ...(hasDays ? [{ title: 'linked', align: 'right' as const }] : []),
  ];
  const rest = unlabelled > 0 ? `\n${formatCount(unlabelled)} packets belong to no labelled device` : '';
  return table(columns, rows, WIDTH) + rest;
}

function namesText({ flows, own, dns }: NonNullable<Coverage['names']>): string {
  const [all, named] = [formatCount(flows), formatCount(own + dns)];
  return `Names    ${named} of ${all} flows to the Internet: ${formatCount(own)} by TLS or HTTP, ${formatCount(dns)} by DNS`;
}

/** Says how traceable MAC addresses are over days, and what the mark of a randomised one means. */
function traceabilityText({ traceability: found, hosts = [], devices = [] }: Findings): string {
  const lines: string[] = [];
  const within = `within ${found.days} UTC days`;
  if (found.days === 1) {
    lines.push('all packets are of one UTC day: how traceable addresses are over days takes two days or more');
  } else if (found.share === null) {
    lines.push(`no device is seen on two days ${within}: nothing says how traceable addresses are`);
  } else if (found.by === 'device') {
    const pairs = `${formatCount(found.linked)} of ${formatCount(found.pairs)} pairs`;
    lines.push(
      `${pairs} of consecutive days of a device (${formatPercent(found.share)}) share one of its addresses, ${within}`,
    );
  } else {
    const days = `${formatCount(found.linked)} of ${formatCount(found.addressDays)} address-days`;
    lines.push(
      `${days} (${formatPercent(found.share)}) are of an address seen on another day, too, ${within}; without labels, a randomised address cannot be joined to its device`,
    );
  }
  const isMarked = hosts.some((host) => host.randomised) || devices.some((device) => device.randomised.length > 0);
  if (isMarked) lines.push(`${RANDOMISED} administered locally, as randomised addresses are (IEEE 802c)`);
  return `MAC addresses\n${lines.flatMap((line) => wrap(line, 4, 0)).join('\n')}`;
}

/** The first addresses of a device. The JSON document has all. */
function shownAddresses({ addresses, randomised }: LabelledDevice): string {
  const marked = addresses.map((address) => address + (randomised.includes(address) ? RANDOMISED : ''));
  const shown = marked.slice(0, ADDRESSES_SHOWN).join(', ');
  const more = addresses.length - ADDRESSES_SHOWN;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function shownTable(columns: Parameters<typeof table>[0], rows: string[][], what: string): string {
  const shown = table(columns, rows.slice(0, SHOWN), WIDTH);
  return [shown, ...moreText(rows.length, what)].join('\n');
}

function moreText(count: number, what: string): string[] {
  return count > SHOWN ? [`… and ${formatCount(count - SHOWN)} more ${what} (all of them with --json)`] : [];
}
