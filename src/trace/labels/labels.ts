import { take } from '../../shared/columns.js';
import { InputError } from '../../shared/errors.js';
import { describeEncrypted } from '../encrypted.js';
import { type NameCounts, nameFlows } from '../name-flows.js';
import type { IngestReport, PacketTable } from '../packets.js';
import { isGroupMac, networkOf, scopeOf } from '../scope.js';
import { mapSeen } from '../seen.js';
import {
  createTraceBuilder,
  type Device,
  Direction,
  NO_DEVICE,
  type Trace,
  type TraceBuilder,
  takeFlows,
} from '../trace.js';
import { type AddressDays, createDayLog } from '../traceability.js';
import { byAddress } from './by-address.js';
import { byFile } from './by-file.js';
import { findGateways } from './gateways.js';
import { findHosts } from './hosts.js';
import { describeIdentical, findIdenticalFiles } from './identical.js';
import type { Labelling } from './label-file.js';
import { type DeviceAddress, type Ends, NOBODY, type Resolution } from './resolution.js';

/** Why a packet that was read is not in the trace. */
export const NO_LABELLED_DEVICE = 'no labelled device';

/** The packets of each label, and the packets without one. */
export interface Coverage {
  readonly devices: readonly DeviceCoverage[];
  /** Packets dropped because neither end is a labelled device, and the hosts with most of them, without gateways. */
  readonly unlabelled: {
    readonly packets: number;
    readonly hosts: readonly { readonly address: string; readonly packets: number }[];
  };
  /** Only where names were asked for. */
  readonly names?: NameCounts;
}

interface DeviceCoverage {
  readonly name: string;
  readonly category: Device['category'];
  /** 0 for a label without packets. */
  readonly packets: number;
  readonly outbound: number;
  readonly inbound: number;
  readonly addresses: readonly DeviceAddress[];
  /** The MAC addresses that its frames come from, with the days on which they do. */
  readonly macDays: readonly AddressDays[];
}

export interface LabelledTrace {
  readonly trace: Trace;
  /** The readers' report, with the packets that no label claims moved from kept to dropped. */
  readonly report: IngestReport;
  readonly coverage: Coverage;
  /** Lines that warn a user about the labels and the captures. */
  readonly warnings: readonly string[];
  /** Groups of captures with the same packets, as paths. */
  readonly identical: readonly (readonly string[])[];
}

/** Number of unlabelled hosts that a coverage report names. */
const HOSTS_NAMED = 10;

/**
 * Makes a trace of the packets of labelled devices, sorted by time. A frame belongs to its sender if that is labelled, and is
 * outbound; else to its receiver, and is inbound. So a frame between two labelled devices is the sender's, but one with a labelled
 * gateway is the other device's (see by-address.ts). A flow crosses the gateway (`wan`) if its remote address is outside the home
 * ({@link scopeOf}) and not in the device's own IPv6 /64, and the peer is no labelled device. Flows without IP have MAC addresses and
 * stay inside: encrypted 802.11 frames are among them.
 */
export function labelPackets(table: PacketTable, report: IngestReport, labelling: Labelling): LabelledTrace {
  const { devices, addresses, resolve, warnings } =
    labelling.by === 'address'
      ? byAddress(table, labelling.labels)
      : labelling.by === 'host'
        ? byHost(table)
        : byFile(table, labelling);
  const builder = createTraceBuilder(devices, table.files, Math.max(table.packets, 1));
  /** For each flow, the direction in which its device sends: 2 n from side A to side B of conversation n, 2 n + 1 back. */
  const outboundOf: number[] = [];
  const flowOf = createFlowFinder(table, builder.flow, outboundOf);
  /** The rows of the packets that are in the trace. */
  const kept = new Uint32Array(table.seen ? table.packets : 0);
  const outbound = new Uint32Array(devices.length);
  const inbound = new Uint32Array(devices.length);
  const droppedOfFile = new Uint32Array(table.files.length);
  const unlabelled: UnlabelledCounts = {
    macs: new Uint32Array(table.macs.length),
    addresses: new Uint32Array(table.conversations.addresses.length),
  };

  const dayLog = createDayLog(table.macs);
  const ends: Ends = { sender: NOBODY, receiver: NOBODY };
  for (let i = 0; i < table.packets; i++) {
    resolve(i, ends);
    const { sender, receiver } = ends;
    const isOutbound = sender !== NOBODY;
    const device = isOutbound ? sender : receiver;
    if (device === NOBODY) {
      droppedOfFile[table.file[i]!]!++;
      countUnlabelled(table, i, unlabelled);
      continue;
    }
    if (isOutbound) {
      outbound[device]!++;
      dayLog.add(device, table.source[i]!, table.time[i]!);
    } else inbound[device]!++;
    kept[builder.packets] = i;
    const { flow, port } = flowOf(i, device, isOutbound, isOutbound && receiver !== NOBODY);
    builder.push({
      time: table.time[i]!,
      length: table.length[i]!,
      direction: isOutbound ? Direction.OUTBOUND : Direction.INBOUND,
      protocols: table.protocols[i]!,
      port,
      flow,
      device,
      file: table.file[i]!,
    });
  }

  const trace = builder.build(mapSeen(table, (column) => take(column, kept.subarray(0, builder.packets))).seen);
  const named = table.names && nameFlows(trace, outboundOf, table.names);
  const dropped = droppedOfFile.reduce((sum, count) => sum + count, 0);
  const identical = findIdenticalFiles(table);
  return {
    trace: { ...numberFlows(named ? { ...trace, flows: named.flows } : trace), gaps: report.gaps },
    report: leaveOut(report, table.files, droppedOfFile),
    coverage: {
      devices: devices.map(({ name, category }, device) => ({
        name,
        category,
        packets: outbound[device]! + inbound[device]!,
        outbound: outbound[device]!,
        inbound: inbound[device]!,
        addresses: addresses[device]!,
        macDays: dayLog.daysOf(device),
      })),
      unlabelled: { packets: dropped, hosts: dropped === 0 ? [] : unlabelledHosts(table, unlabelled) },
      ...(named && { names: named.counts }),
    },
    warnings: [
      ...(labelling.by === 'address' ? (labelling.warnings ?? []) : []),
      ...warnings,
      ...describeIdentical(identical),
      ...describeEncrypted(table),
    ],
    identical,
  };
}

/** Makes every host of the home a device with its address as name, as an observer without labels does. */
function byHost(table: PacketTable): Resolution {
  const hosts = findHosts(table);
  if (hosts.addresses.length >= NO_DEVICE) {
    throw new InputError(`expected the captures of a home, found ${hosts.addresses.length} hosts in it`);
  }
  const { addressA, addressB } = table.conversations;
  return {
    devices: hosts.addresses.map((name) => ({ name, category: 'iot' })),
    addresses: hosts.addresses.map((address) => [{ address, inferred: null }]),
    resolve(i, ends) {
      const [source, destination] = [table.source[i]!, table.destination[i]!];
      if (source !== 0 && destination !== 0) {
        ends.sender = hosts.ofMac[source]!;
        ends.receiver = hosts.ofMac[destination]!;
        return;
      }
      const conversation = table.conversation[i]!;
      const a = hosts.ofAddress[addressA[conversation]!]!;
      const b = hosts.ofAddress[addressB[conversation]!]!;
      const reverse = table.reverse[i] === 1;
      ends.sender = reverse ? b : a;
      ends.receiver = reverse ? a : b;
    },
    warnings: [],
  };
}

/** A flow, and the next flow of the same conversation and side. */
interface FlowEntry {
  readonly device: number;
  readonly isPeerLabelled: boolean;
  readonly flow: number;
  readonly port: number;
  readonly next: FlowEntry | undefined;
}

/** Finds flows by conversation, the device's side of it, device and kind of peer. The last two seldom differ. */
function createFlowFinder(table: PacketTable, add: TraceBuilder['flow'], outboundOf: number[]) {
  const { conversations } = table;
  const scopes = conversations.addresses.map(scopeOf);
  const entries = new Array<FlowEntry | undefined>(conversations.count * 2);

  const addFlow = (i: number, isOutbound: boolean, isLocalA: boolean, isPeerLabelled: boolean): number => {
    const { addresses, portA, portB, addressA, addressB } = conversations;
    const row = table.conversation[i]!;
    const local = isLocalA ? addressA[row]! : addressB[row]!;
    const remote = isLocalA ? addressB[row]! : addressA[row]!;
    const hasIp = scopes[local] !== 'none' || scopes[remote] !== 'none';
    const localMac = isOutbound ? table.source[i]! : table.destination[i]!;
    const remoteMac = isOutbound ? table.destination[i]! : table.source[i]!;
    const isBeyond = scopes[remote] === 'outside' && !isOnLink(addresses[local]!, addresses[remote]!);
    return add({
      transport: conversations.transport[row]!,
      localPort: isLocalA ? portA[row]! : portB[row]!,
      remotePort: isLocalA ? portB[row]! : portA[row]!,
      localAddress: hasIp ? addresses[local]! : table.macs[localMac]!,
      remoteAddress: hasIp ? addresses[remote]! : table.macs[remoteMac]!,
      wan: isBeyond && !isPeerLabelled,
      header: conversations.header[row]!,
    });
  };

  return (i: number, device: number, isOutbound: boolean, isPeerLabelled: boolean): FlowEntry => {
    const row = table.conversation[i]!;
    const isLocalA = isOutbound === (table.reverse[i] === 0);
    const at = row * 2 + (isLocalA ? 0 : 1);
    for (let entry = entries[at]; entry; entry = entry.next) {
      if (entry.device === device && entry.isPeerLabelled === isPeerLabelled) return entry;
    }
    const flow = addFlow(i, isOutbound, isLocalA, isPeerLabelled);
    outboundOf[flow] = at;
    const port = isLocalA ? conversations.portB[row]! : conversations.portA[row]!;
    const entry: FlowEntry = { device, isPeerLabelled, flow, port, next: entries[at] };
    entries[at] = entry;
    return entry;
  };
}

/** Numbers flows in the order of their first packets, whatever the order of files. The gateway's NAT depends on it. */
function numberFlows(trace: Trace): Trace {
  if (trace.files.length < 2) return trace;
  const { flow, flows } = trace;
  const rows = [...new Set(flow)];
  const numbers = new Uint32Array(flows.count);
  for (const [number, row] of rows.entries()) numbers[row] = number;
  return { ...trace, flow: flow.map((row) => numbers[row]!), flows: takeFlows(flows, Uint32Array.from(rows)) };
}

/** Whether two IPv6 addresses are in one /64, and so on one LAN. */
function isOnLink(local: string, remote: string): boolean {
  return local.includes(':') && networkOf(local) === networkOf(remote);
}

function leaveOut(report: IngestReport, files: readonly string[], dropped: Uint32Array): IngestReport {
  const less = <T extends { kept: number; dropped: Record<string, number> }>(counted: T, count: number): T =>
    count === 0
      ? counted
      : { ...counted, kept: counted.kept - count, dropped: { ...counted.dropped, [NO_LABELLED_DEVICE]: count } };
  const byPath = new Map(files.map((file, i) => [file, dropped[i]!]));
  const all = dropped.reduce((sum, count) => sum + count, 0);
  return { ...less(report, all), files: report.files.map((file) => less(file, byPath.get(file.path) ?? 0)) };
}

/** Counts packets without a label for the host at each end, by MAC address where there is one. */
interface UnlabelledCounts {
  readonly macs: Uint32Array;
  readonly addresses: Uint32Array;
}

function countUnlabelled(table: PacketTable, i: number, counts: UnlabelledCounts): void {
  const source = table.source[i]!;
  const destination = table.destination[i]!;
  counts.macs[source]!++;
  counts.macs[destination]!++;
  if (source !== 0 && destination !== 0) return;
  const row = table.conversation[i]!;
  counts.addresses[table.conversations.addressA[row]!]!++;
  counts.addresses[table.conversations.addressB[row]!]!++;
}

function unlabelledHosts(table: PacketTable, counts: UnlabelledCounts): Coverage['unlabelled']['hosts'] {
  const gateways = findGateways(table).isGateway;
  const hosts: { address: string; packets: number }[] = [];
  table.macs.forEach((address, row) => {
    const packets = counts.macs[row]!;
    if (row > 0 && packets > 0 && gateways[row] === 0 && !isGroupMac(address)) hosts.push({ address, packets });
  });
  table.conversations.addresses.forEach((address, row) => {
    const packets = counts.addresses[row]!;
    if (packets > 0 && scopeOf(address) === 'home') hosts.push({ address, packets });
  });
  return hosts.sort((a, b) => b.packets - a.packets || (a.address < b.address ? -1 : 1)).slice(0, HOSTS_NAMED);
}
