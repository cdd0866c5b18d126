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
  const choose = (kind: OwnAddress['kind'], candidates: readonly (Candidate | undefined)[]) => {
    const appearances = findAppearances(table, deviceOfFile, devices, kind);
    return Array.from(filesOf, (_, device) => chooseAddress(candidates, appearances, filesOf, device));
  };

  const networks = countNetworks(table);
  const macs = table.macs.map((address, row): Candidate | undefined => {
    if (row === 0 || address === '00:00:00:00:00:00' || isGroupMac(address)) return undefined;
    return { address, isAside: networks[row]! >= GATEWAY_NETWORKS, isOutside: networks[row]! > 0 };
  });
  const byMac = choose('mac', macs);
  if (byMac.every((found) => found !== null)) return byMac;

  const ips = table.conversations.addresses.map((address): Candidate | undefined => {
    const scope = scopeOf(address);
    const isOutside = scope === 'outside';
    return isOutside || scope === 'home' ? { address, isAside: isOutside, isOutside } : undefined;
  });
  const byIp = choose('ip', ips);
  return byMac.map((found, device) => found ?? byIp[device]!);
}

interface Candidate {
  readonly address: string;
  /** Chosen only where there is no other. */
  readonly isAside: boolean;
  readonly isOutside: boolean;
}

/** An address in a device's captures. */
interface Appearance {
  /** Files in which it sends: who only receives may not exist. */
  files: number;
  /** That it sends or receives. */
  packets: number;
}

interface Appearances {
  readonly kind: OwnAddress['kind'];
  /** For each device, by row of the address. */
  readonly ofDevice: readonly ReadonlyMap<number, Appearance>[];
  /** By row of the address: files of all devices in which it sends. */
  readonly files: Uint32Array;
}

function findAppearances(
  table: PacketTable,
  deviceOfFile: Uint16Array,
  devices: number,
  kind: OwnAddress['kind'],
): Appearances {
  const { conversations } = table;
  const rows = kind === 'mac' ? table.macs.length : conversations.addresses.length;
  const files = new Uint32Array(rows);
  const ofDevice = Array.from({ length: devices }, () => new Map<number, Appearance>());
  const sent = new Uint32Array(rows);
  const received = new Uint32Array(rows);
  let met: number[] = [];
  const count = (row: number, packets: Uint32Array) => {
    if (sent[row] === 0 && received[row] === 0) met.push(row);
    packets[row]!++;
  };
  const endFile = (file: number) => {
    const known = ofDevice[deviceOfFile[file]!]!;
    for (const row of met) {
      const appearance = known.get(row) ?? { files: 0, packets: 0 };
      known.set(row, appearance);
      appearance.packets += sent[row]! + received[row]!;
      if (sent[row]! > 0) {
        appearance.files++;
        files[row]!++;
      }
      sent[row] = 0;
      received[row] = 0;
    }
    met = [];
  };

  for (let i = 0; i < table.packets; i++) {
    if (i > 0 && table.file[i] !== table.file[i - 1]) endFile(table.file[i - 1]!);
    let sender = table.source[i]!;
    let receiver = table.destination[i]!;
    if (kind === 'ip') {
      const conversation = table.conversation[i]!;
      sender = conversations.addressA[conversation]!;
      receiver = conversations.addressB[conversation]!;
      if (table.reverse[i] === 1) [sender, receiver] = [receiver, sender];
    }
    // Where the link names the sender alone, a MAC address would find a device's outbound packets only.
    if (sender === 0 || receiver === 0) continue;
    count(sender, sent);
    count(receiver, received);
  }
  if (table.packets > 0) endFile(table.file[table.packets - 1]!);
  return { kind, ofDevice, files };
}

function chooseAddress(
  candidates: readonly (Candidate | undefined)[],
  { kind, ofDevice, files }: Appearances,
  filesOf: Uint32Array,
  device: number,
): OwnAddress | null {
  const of = filesOf[device]!;
  const othersFiles = Math.max(1, filesOf.reduce((sum, count) => sum + count, 0) - of);
  let best: Ranked | null = null;
  for (const [row, appearance] of ofDevice[device]!) {
    const candidate = candidates[row];
    if (!candidate || appearance.files === 0) continue;
    const score = appearance.files / of - (files[row]! - appearance.files) / othersFiles;
    const ranked = { row, candidate, score, ...appearance };
    if (!best || isBefore(ranked, best)) best = ranked;
  }
  return best && { address: best.candidate.address, kind, row: best.row, files: best.files, of };
}

interface Ranked extends Appearance {
  readonly row: number;
  readonly candidate: Candidate;
  readonly score: number;
}

function isBefore(a: Ranked, b: Ranked): boolean {
  if (a.candidate.isAside !== b.candidate.isAside) return b.candidate.isAside;
  if (a.score !== b.score) return a.score > b.score;
  if (a.candidate.isOutside !== b.candidate.isOutside) return b.candidate.isOutside;
  return a.packets > b.packets;
}
