import type { PacketTable } from './packets.js';
import { isGroupMac, networkOf, scopeOf } from './scope.js';

/** The address found to be a device's own, where captures are labelled as a whole. */
export interface OwnAddress {
  readonly address: string;
  readonly kind: 'mac' | 'ip';
  /** Row of `macs`, or of `conversations.addresses`. */
  readonly row: number;
  /** Files of the device with packets from this address, and files in all. */
  readonly files: number;
  readonly of: number;
}

/** A MAC that speaks for this many networks beyond the home is a gateway: a host's own IPv6 prefixes are fewer. */
const GATEWAY_NETWORKS = 3;

/**
 * Rows of `macs` that are gateways: their frames come from addresses of several networks outside. A table of 0 and 1.
 */
export function findGateways(table: PacketTable): Uint8Array {
  return countNetworks(table).map((count) => (count >= GATEWAY_NETWORKS ? 1 : 0));
}

/** For each MAC how many networks outside the home its frames come from, counted up to {@link GATEWAY_NETWORKS}. */
function countNetworks(table: PacketTable): Uint8Array {
  const { conversations } = table;
  const ids = new Map<string, number>();
  // 0 for an address that is not outside.
  const networkIds = Uint32Array.from(conversations.addresses, (address) => {
    if (scopeOf(address) !== 'outside') return 0;
    const network = networkOf(address);
    const id = ids.get(network) ?? ids.size + 1;
    ids.set(network, id);
    return id;
  });
  const networks = new Uint8Array(table.macs.length);
  const seen = new Uint32Array(table.macs.length * GATEWAY_NETWORKS);
  for (let i = 0; i < table.packets; i++) {
    const mac = table.source[i]!;
    const count = networks[mac]!;
    if (mac === 0 || count === GATEWAY_NETWORKS) continue;
    const conversation = table.conversation[i]!;
    const side = table.reverse[i] === 0 ? conversations.addressA : conversations.addressB;
    const network = networkIds[side[conversation]!]!;
    if (network === 0) continue;
    const at = mac * GATEWAY_NETWORKS;
    if (seen.subarray(at, at + count).includes(network)) continue;
    seen[at + count] = network;
    networks[mac] = count + 1;
  }
  return networks;
}

/**
 * Finds each device's own address in captures that are labelled as a whole. Such captures contain gateways, phones and
 * other hosts besides. The device's own is the address that sends in most of its files and in fewest of the others'
 * (difference of the two shares), gateways aside; where that ties, a host of the home goes before one outside, then the
 * one with more packets. MAC addresses where the link names both ends, IP addresses of the home's side where not.
 *
 * @param deviceOfFile device of each row of `table.files`
 * @param devices number of devices
 * @returns one per device; null for a device without packets
 */
export function findOwnAddresses(
  table: PacketTable,
  deviceOfFile: Uint16Array,
  devices: number,
): (OwnAddress | null)[] {
  const filesOf = new Uint32Array(devices);
  for (const device of deviceOfFile) filesOf[device]!++;

  const macs = presence(table, deviceOfFile, devices, 'mac');
  const networks = countNetworks(table);
  const macCandidates: Candidate[] = [];
  for (let row = 1; row < table.macs.length; row++) {
    const mac = table.macs[row]!;
    if (isGroupMac(mac) || mac === '00:00:00:00:00:00') continue;
    const speaksForOthers = networks[row]! >= GATEWAY_NETWORKS;
    macCandidates.push({ row, address: mac, isAside: speaksForOthers, isOutside: networks[row]! > 0 });
  }
  const ips = presence(table, deviceOfFile, devices, 'ip');
  const ipCandidates: Candidate[] = [];
  table.conversations.addresses.forEach((address, row) => {
    const scope = scopeOf(address);
    const isOutside = scope === 'outside';
    if (isOutside || scope === 'home') ipCandidates.push({ row, address, isAside: isOutside, isOutside });
  });
  return Array.from({ length: devices }, (_, device) => {
    const of = filesOf[device]!;
    const byMac = best(macCandidates, macs, device, filesOf, deviceOfFile.length);
    if (byMac) return { ...byMac, kind: 'mac' as const, of };
    const byIp = best(ipCandidates, ips, device, filesOf, deviceOfFile.length);
    return byIp && { ...byIp, kind: 'ip' as const, of };
  });
}

interface Candidate {
  readonly row: number;
  readonly address: string;
  /** Considered only where there is no other. */
  readonly isAside: boolean;
  readonly isOutside: boolean;
}

/** In how many files, and in how many packets, an address (`row * devices + device`) takes part. */
interface Presence {
  readonly devices: number;
  /** As a sender: who only receives may not exist. */
  readonly files: Uint32Array;
  readonly packets: Uint32Array;
}

function presence(table: PacketTable, deviceOfFile: Uint16Array, devices: number, kind: 'mac' | 'ip'): Presence {
  const { conversations } = table;
  const rows = kind === 'mac' ? table.macs.length : conversations.addresses.length;
  const files = new Uint32Array(rows * devices);
  const packets = new Uint32Array(rows * devices);
  // Packets of a file come one after another, so the last file counted for an address tells whether this one is new.
  const lastFile = new Int32Array(rows).fill(-1);
  for (let i = 0; i < table.packets; i++) {
    const file = table.file[i]!;
    const device = deviceOfFile[file]!;
    let sender: number;
    let receiver: number;
    if (kind === 'mac') {
      sender = table.source[i]!;
      receiver = table.destination[i]!;
      // Where the link names the sender alone, a MAC address would find a device's outbound packets only.
      if (sender === 0 || receiver === 0) continue;
    } else {
      const conversation = table.conversation[i]!;
      sender = conversations.addressA[conversation]!;
      receiver = conversations.addressB[conversation]!;
      if (table.reverse[i] === 1) [sender, receiver] = [receiver, sender];
    }
    packets[sender * devices + device]!++;
    packets[receiver * devices + device]!++;
    if (lastFile[sender] === file) continue;
    lastFile[sender] = file;
    files[sender * devices + device]!++;
  }
  return { devices, files, packets };
}

function best(
  candidates: readonly Candidate[],
  { devices, files, packets }: Presence,
  device: number,
  filesOf: Uint32Array,
  allFiles: number,
): { row: number; address: string; files: number } | null {
  let found: { candidate: Candidate; score: number; packets: number; files: number } | null = null;
  for (const candidate of candidates) {
    const own = files[candidate.row * devices + device]!;
    if (own === 0) continue;
    let others = 0;
    for (let other = 0; other < devices; other++) {
      if (other !== device) others += files[candidate.row * devices + other]!;
    }
    const score = own / filesOf[device]! - others / Math.max(1, allFiles - filesOf[device]!);
    const entry = { candidate, score, packets: packets[candidate.row * devices + device]!, files: own };
    if (!found || isBetter(entry, found)) found = entry;
  }
  return found && { row: found.candidate.row, address: found.candidate.address, files: found.files };
}

type Entry = { candidate: Candidate; score: number; packets: number };

function isBetter(a: Entry, b: Entry): boolean {
  if (a.candidate.isAside !== b.candidate.isAside) return b.candidate.isAside;
  if (a.score !== b.score) return a.score > b.score;
  if (a.candidate.isOutside !== b.candidate.isOutside) return b.candidate.isOutside;
  return a.packets > b.packets;
}
