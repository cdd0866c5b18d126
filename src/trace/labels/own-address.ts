import type { PacketTable } from '../packets.js';
import { isGroupMac, scopeOf } from '../scope.js';
import { findGateways } from './gateways.js';

/** An address that a capture labelled as a whole shows to be its device's own. */
interface OwnAddress {
  readonly address: string;
  readonly kind: 'mac' | 'ip';
  /** Row of `macs` or `conversations.addresses`. */
  readonly row: number;
  /** Files of the device with packets from this address, and all its files. */
  readonly files: number;
  readonly of: number;
}

export interface OwnAddresses {
  /** Addresses by device; none for a device without packets, or one whose address is refused. */
  readonly ofDevice: readonly (readonly OwnAddress[])[];
  /** Addresses that were found for several devices. */
  readonly shared: readonly SharedAddress[];
  /** Share of all frames with a host at an end that have a found address there. */
  readonly explained: number;
}

export interface SharedAddress {
  readonly address: string;
  /** Devices that keep it, since it is in nearly all of their frames. */
  readonly kept: readonly number[];
  /** The other devices that it was found for. It may be theirs or a neighbour's. */
  readonly refused: readonly number[];
}

/** Least share of a device's frames that a candidate is in, relative to the most frequent candidate's. */
const FEWEST = 0.1;
/** A home address comes first if it is in this share of the frames that the most frequent outside address is in. */
const HOME_FIRST = 0.5;
/** An address in this share of a device's frames is its own, even if another device has it too. */
const NEARLY_ALL = 0.95;
/** Least share of the frames that a second address has in files without the first. */
const ALONE = 0.9;
const MOST_ROUNDS = 8;

/**
 * Finds each device's own addresses in captures that are labelled as a whole. Such captures also contain gateways, phones and
 * other hosts. An address scores its share of the device's frames, less its share of other devices' frames that their own addresses
 * do not explain. So a phone in everyone's captures scores low, but a hub that everyone talks to does not. The best address that
 * is no gateway's is the device's own: a MAC address if the link names both ends, else an IPv4 and an IPv6 address.
 * If some files of a device lack the address, it also owns another one that these files have and no other file has.
 *
 * @param deviceOfFile device of each row of `table.files`
 * @param devices number of devices
 */
export function findOwnAddresses(table: PacketTable, deviceOfFile: Uint16Array, devices: number): OwnAddresses {
  const filesOf: number[][] = Array.from({ length: devices }, () => []);
  for (const [file, device] of deviceOfFile.entries()) filesOf[device]!.push(file);
  const stations = findStations(table);
  const frames = countFrames(table, stations, deviceOfFile, devices);
  const own = settle(stations, frames, devices);
  const shared = takeFromDoubtful(stations, frames, own);
  addFromOtherFiles(stations, frames, deviceOfFile, own);

  const { names, macs } = stations;
  const ofDevice = own.map((rows, device) =>
    rows.map((station): OwnAddress => {
      const files = filesOf[device]!.filter((file) => (frames.ofFile[file]!.get(station)?.sent ?? 0) > 0).length;
      const isMac = station < macs;
      const row = isMac ? station : station - macs;
      return { address: names[station]!, kind: isMac ? 'mac' : 'ip', row, files, of: filesOf[device]!.length };
    }),
  );
  let all = 0;
  let explained = 0;
  for (const [device, rows] of own.entries()) {
    all += frames.total[device]!.reduce((a, b) => a + b, 0);
    explained += explainedFrames(frames, device, rows);
  }
  return { ofDevice, shared, explained: all === 0 ? 1 : explained / all };
}

/** Ends of frames: MAC addresses, then IP addresses, for frames whose link does not name both ends. */
interface Stations {
  readonly macs: number;
  readonly names: readonly string[];
  /** Index of {@link KINDS}; NONE for a station that is no host. */
  readonly kind: Uint8Array;
  /** Has 1 for a station of last resort: a gateway or an outside IP address. */
  readonly isAside: Uint8Array;
  /** Has 1 for a station that sends from outside addresses. */
  readonly isRelay: Uint8Array;
}

/** Kinds of address. Each is searched for separately. */
const KINDS = ['mac', 'ipv4', 'ipv6'] as const;
const MAC = 0;
const NONE = 255;

function findStations(table: PacketTable): Stations {
  const { addresses, addressA, addressB } = table.conversations;
  const macs = table.macs.length;
  const names = [...table.macs, ...addresses];
  const { isGateway, isBeyond } = findGateways(table);
  const kind = new Uint8Array(names.length).fill(NONE);
  const isAside = new Uint8Array(names.length);
  const isRelay = new Uint8Array(names.length);
  for (const [row, mac] of table.macs.entries()) {
    if (row > 0 && !isGroupMac(mac)) kind[row] = MAC;
    isAside[row] = isGateway[row]!;
  }
  for (const [row, address] of addresses.entries()) {
    const scope = scopeOf(address);
    if (scope === 'home' || scope === 'outside') kind[macs + row] = address.includes(':') ? 2 : 1;
    if (scope === 'outside') isAside[macs + row] = 1;
  }
  for (let i = 0; i < table.packets; i++) {
    const sender = (table.reverse[i] === 0 ? addressA : addressB)[table.conversation[i]!]!;
    if (isBeyond[sender] === 1) isRelay[table.source[i]!] = 1;
  }
  return { macs, names, kind, isAside, isRelay };
}

interface Frames {
  /** Frames with a host at an end, by device and kind. */
  readonly total: readonly Float64Array[];
  /** Frames with a station at an end, by device and station. */
  readonly ofDevice: readonly ReadonlyMap<number, number>[];
  /** Frames between two stations, by device and {@link pairKey}. */
  readonly pairs: readonly ReadonlyMap<number, number>[];
  /** The stations of each file. */
  readonly ofFile: readonly ReadonlyMap<number, { frames: number; sent: number }>[];
  readonly stations: number;
}

const pairKey = (a: number, b: number, stations: number) => (a < b ? a * stations + b : b * stations + a);

function countFrames(table: PacketTable, stations: Stations, deviceOfFile: Uint16Array, devices: number): Frames {
  const { macs, kind, names } = stations;
  const { addressA, addressB } = table.conversations;
  const maps = <T>(count: number) => Array.from({ length: count }, () => new Map<number, T>());
  const total = Array.from({ length: devices }, () => new Float64Array(KINDS.length));
  const ofDevice = maps<number>(devices);
  const pairs = maps<number>(devices);
  const ofFile = maps<{ frames: number; sent: number }>(table.files.length);
  const add = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  for (let i = 0; i < table.packets; i++) {
    let [sender, receiver] = [table.source[i]!, table.destination[i]!];
    // If the link names only the sender, a MAC address would find only a device's outbound packets.
    if (sender === 0 || receiver === 0) {
      const row = table.conversation[i]!;
      sender = macs + addressA[row]!;
      receiver = macs + addressB[row]!;
      if (table.reverse[i] === 1) [sender, receiver] = [receiver, sender];
    }
    const [isFrom, isTo] = [kind[sender] !== NONE, kind[receiver] !== NONE];
    if (!isFrom && !isTo) continue;
    const file = table.file[i]!;
    const device = deviceOfFile[file]!;
    total[device]![kind[isFrom ? sender : receiver]!]!++;
    for (const station of sender === receiver ? [sender] : [sender, receiver]) {
      if (kind[station] === NONE) continue;
      add(ofDevice[device]!, station);
      const known = ofFile[file]!.get(station) ?? { frames: 0, sent: 0 };
      ofFile[file]!.set(station, known);
      known.frames++;
      if (station === sender) known.sent++;
    }
    if (isFrom && isTo && sender !== receiver) add(pairs[device]!, pairKey(sender, receiver, names.length));
  }
  return { total, ofDevice, pairs, ofFile, stations: names.length };
}

/** Share of a device's frames, of the station's kind, that have the station at an end. */
function shareOf(frames: Frames, { kind }: Stations, device: number, station: number): number {
  return (frames.ofDevice[device]!.get(station) ?? 0) / frames.total[device]![kind[station]!]!;
}

/** Chooses addresses for every device, then again given the choices for the others, until nothing changes. */
function settle(stations: Stations, frames: Frames, devices: number): number[][] {
  const sends = new Set<number>();
  for (const file of frames.ofFile) for (const [station, { sent }] of file) if (sent > 0) sends.add(station);
  let own: number[][] = Array.from({ length: devices }, () => []);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const unexplained = frames.ofDevice.map((counts, device) => {
      const shares = new Map<number, number>();
      for (const [station, count] of counts) {
        const mine = own[device]!;
        const known = mine.reduce(
          (sum, other) => sum + (frames.pairs[device]!.get(pairKey(station, other, frames.stations)) ?? 0),
          0,
        );
        const rest = mine.includes(station) ? 0 : count - known;
        shares.set(station, rest / frames.total[device]![stations.kind[station]!]!);
      }
      return shares;
    });
    const sums = new Map<number, number>();
    for (const shares of unexplained) {
      for (const [station, share] of shares) sums.set(station, (sums.get(station) ?? 0) + share);
    }
    const score = (device: number, station: number) =>
      shareOf(frames, stations, device, station) -
      (sums.get(station)! - unexplained[device]!.get(station)!) / Math.max(1, devices - 1);
    const next = own.map((_, device) =>
      KINDS.flatMap((_, kind) => choose(stations, frames, device, kind, sends, (station) => score(device, station))),
    );
    const isSettled = next.every((rows, device) => rows.join() === own[device]!.join());
    own = next;
    if (isSettled) break;
  }
  return own;
}

/** The own address of one kind that a device has, if any. */
function choose(
  stations: Stations,
  frames: Frames,
  device: number,
  kind: number,
  sends: ReadonlySet<number>,
  score: (station: number) => number,
): number[] {
  const { isAside, isRelay, names } = stations;
  const share = (station: number) => shareOf(frames, stations, device, station);
  const most = (rows: readonly number[]) => rows.reduce((best, row) => Math.max(best, share(row)), 0);
  // A station that never sends may not exist.
  const all = [...frames.ofDevice[device]!.keys()].filter((row) => stations.kind[row] === kind && sends.has(row));
  const near = all.filter((row) => isAside[row] === 0);
  const isNear = kind === MAC ? near.length > 0 : most(near) >= HOME_FIRST * most(all) && near.length > 0;
  const rows = isNear ? near : all;
  const fewest = FEWEST * most(rows);
  const [best] = rows
    .filter((row) => share(row) >= fewest)
    .map((row) => ({ row, score: score(row), frames: frames.ofDevice[device]!.get(row)! }))
    .sort(
      (a, b) =>
        (Math.abs(a.score - b.score) > 1e-9 ? b.score - a.score : 0) ||
        isRelay[a.row]! - isRelay[b.row]! ||
        b.frames - a.frames ||
        (names[a.row]! < names[b.row]! ? -1 : 1),
    );
  if (!best) return [];
  const total = frames.total[device]!;
  return total[kind] === Math.max(...total) || share(best.row) >= 0.5 ? [best.row] : [];
}

/** Takes a shared address from the devices that do not have it in nearly all of their frames. */
function takeFromDoubtful(stations: Stations, frames: Frames, own: number[][]): SharedAddress[] {
  const holders = new Map<number, number[]>();
  for (const [device, rows] of own.entries()) {
    for (const row of rows) holders.set(row, [...(holders.get(row) ?? []), device]);
  }
  return [...holders].flatMap(([row, devices]) => {
    if (devices.length < 2) return [];
    const isSure = (device: number) => shareOf(frames, stations, device, row) >= NEARLY_ALL;
    const refused = devices.filter((device) => !isSure(device));
    for (const device of refused) own[device] = own[device]!.filter((other) => other !== row);
    return [{ address: stations.names[row]!, kept: devices.filter(isSure), refused }];
  });
}

/** Adds the address that replaces a device's own in files without it: a hub moves from Wi-Fi to Ethernet, a lease ends. */
function addFromOtherFiles(
  { kind, isAside }: Stations,
  { ofFile, ofDevice }: Frames,
  deviceOfFile: Uint16Array,
  own: number[][],
): void {
  const found = own.map(() => new Set<number>());
  const isWithout = ofFile.map((file, index) => own[deviceOfFile[index]!]!.every((row) => !file.has(row)));
  for (const [index, file] of ofFile.entries()) {
    const device = deviceOfFile[index]!;
    if (!isWithout[index] || own[device]!.length === 0) continue;
    const rows = [...file].filter(([row]) => isAside[row] === 0 && kind[row] !== NONE);
    const all = rows.reduce((most, [, { frames }]) => Math.max(most, frames), 0);
    const strong = rows.filter(([, { frames, sent }]) => sent > 0 && frames >= ALONE * all);
    if (strong.length !== 1) continue;
    const [row] = strong[0]!;
    const isElsewhere = ofDevice.some((counts, other) => other !== device && counts.has(row));
    const isBeside = ofFile.some((other, i) => deviceOfFile[i] === device && !isWithout[i] && other.has(row));
    if (!isElsewhere && !isBeside) found[device]!.add(row);
  }
  for (const [device, rows] of found.entries()) own[device] = [...own[device]!, ...rows];
}

function explainedFrames({ ofDevice, pairs, stations }: Frames, device: number, own: readonly number[]): number {
  let count = own.reduce((sum, row) => sum + (ofDevice[device]!.get(row) ?? 0), 0);
  for (const [i, a] of own.entries()) {
    for (const b of own.slice(i + 1)) count -= pairs[device]!.get(pairKey(a, b, stations)) ?? 0;
  }
  return count;
}
