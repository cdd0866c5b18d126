import type { PacketTable } from '../packets.js';
import { isPrivateIpv4, scopeOf, subnetOf } from '../scope.js';
import type { Device } from '../trace.js';
import { findGateways } from './gateways.js';
import type { Label } from './label-file.js';
import { type DeviceAddress, type Ends, NOBODY, type Resolution } from './resolution.js';
import { findSenders, type Senders } from './senders.js';

/**
 * Finds devices by address. The label of a MAC address decides first, since IP addresses move. Only if a station sends from several
 * addresses at once (a range extender) does the label of an IP address come before it. A labelled gateway gets only packets that it
 * does not forward and that no other labelled device is an end of, so its label changes nothing for the others.
 */
export function byAddress(table: PacketTable, labels: readonly Label[]): Resolution {
  const { macs, source, destination, conversation, reverse } = table;
  const { addresses: texts, addressA, addressB } = table.conversations;
  const devices: Device[] = [];
  const addresses: DeviceAddress[][] = [];
  const ids = new Map<string, number>();
  const byText = new Map<string, number>();
  for (const { address, device, category } of labels) {
    let id = ids.get(device);
    if (id === undefined) {
      id = devices.push({ name: device, category }) - 1;
      ids.set(device, id);
      addresses.push([]);
    }
    byText.set(address, id);
    addresses[id]!.push({ address, inferred: null });
  }

  const senders = findSenders(table);
  const { isGateway, isBeyond, isAccessPoint } = findGateways(table, senders);
  const labelOfMac = Int32Array.from(macs, (mac) => byText.get(mac) ?? NOBODY);
  const labelOfAddress = Int32Array.from(texts, (address) => byText.get(address) ?? NOBODY);
  const isGatewayOnly = gatewayAddresses(table, senders, isGateway);
  /** The address that shows a device to be a gateway, by device. */
  const gatewayOf = new Map<number, string>();
  labelOfMac.forEach((device, row) => {
    if (device !== NOBODY && isGateway[row] === 1) gatewayOf.set(device, macs[row]!);
  });
  labelOfAddress.forEach((device, row) => {
    if (device !== NOBODY && isGatewayOnly[row] === 1 && !gatewayOf.has(device)) gatewayOf.set(device, texts[row]!);
  });

  const among = (known: Int32Array, wantGateways: boolean) =>
    known.map((device) => (device !== NOBODY && gatewayOf.has(device) === wantGateways ? device : NOBODY));
  const ofMac = among(labelOfMac, false);
  const ofAddress = among(labelOfAddress, false);
  const gatewayOfMac = among(labelOfMac, true);
  const gatewayOfAddress = among(labelOfAddress, true);
  const isLearnt = learnAddresses(table, ofMac, ofAddress);
  const hasAddresses = ofAddress.some((device) => device !== NOBODY);
  const atOnce = addressesAtOnce(texts, senders);
  const isOthers = addressesOfHosts(texts.length, senders, isGateway);

  const pick = (mac: number, address: number): number => {
    const [byMac, byIp] = [ofMac[mac]!, ofAddress[address]!];
    if (byMac === NOBODY) return byIp;
    return byIp !== NOBODY && isLearnt[address] === 0 && atOnce.has(mac) ? byIp : byMac;
  };
  /** The labelled gateway at an end, for frames that it does not forward. */
  const gatewayAt = (mac: number, address: number): number => {
    if (gatewayOfAddress[address] !== NOBODY) return gatewayOfAddress[address]!;
    // Without an IP address in sight, what an access point sends is mostly another's.
    if (isAccessPoint[mac] === 1 && address === 0) return NOBODY;
    return isBeyond[address] === 1 || isOthers[address] === 1 ? NOBODY : gatewayOfMac[mac]!;
  };
  const resolve = (i: number, ends: Ends): void => {
    const [from, to] = [source[i]!, destination[i]!];
    if (!hasAddresses && gatewayOf.size === 0) {
      ends.sender = ofMac[from]!;
      ends.receiver = ofMac[to]!;
      return;
    }
    const a = addressA[conversation[i]!]!;
    const b = addressB[conversation[i]!]!;
    const [sender, receiver] = reverse[i] === 0 ? [a, b] : [b, a];
    ends.sender = pick(from, sender);
    ends.receiver = pick(to, receiver);
    // A learnt address belongs to the device that sent from it last.
    if (isLearnt[sender] === 1 && to === 0 && ofMac[from] !== NOBODY) ofAddress[sender] = ofMac[from]!;
    if (gatewayOf.size > 0 && ends.sender === NOBODY && ends.receiver === NOBODY) {
      ends.sender = gatewayAt(from, sender);
      ends.receiver = gatewayAt(to, receiver);
    }
  };

  const warnings = [...gatewayOf].map(
    ([device, address]) =>
      `${devices[device]!.name} (${address}) is a gateway: what it forwards belongs to the devices that it forwards for, and only its own traffic is its own`,
  );
  for (const [mac, rows] of atOnce) {
    // A range extender has its own address and those of at least two hosts.
    if (ofMac[mac] === NOBODY || rows.length < 3) continue;
    const shown = rows.slice(0, 3).map((row) => texts[row]);
    warnings.push(
      `${devices[ofMac[mac]!]!.name} (${macs[mac]}) sends from ${rows.length} private addresses at a time (${shown.join(', ')}${rows.length > 3 ? ', …' : ''}): if it forwards for other devices, label those by IP address`,
    );
  }
  warnings.push(...movedAddresses(table, senders, isGateway, labelOfMac, labelOfAddress, devices));
  return { devices, addresses, resolve, warnings };
}

/**
 * Adds to `ofAddress` the IP addresses that a labelled station sends from, if its frames do not name their receiver (Linux cooked
 * captures). Only by these is the device known as a receiver.
 * @returns 1 for each address that was added
 */
function learnAddresses(table: PacketTable, ofMac: Int32Array, ofAddress: Int32Array): Uint8Array {
  const { addresses, addressA, addressB } = table.conversations;
  const isUsable = addresses.map((address) => scopeOf(address) === 'home' || scopeOf(address) === 'outside');
  const isLearnt = new Uint8Array(addresses.length);
  for (let i = 0; i < table.packets; i++) {
    const device = ofMac[table.source[i]!]!;
    if (device === NOBODY || table.destination[i] !== 0) continue;
    const address = (table.reverse[i] === 0 ? addressA : addressB)[table.conversation[i]!]!;
    if (!isUsable[address] || ofAddress[address] !== NOBODY) continue;
    ofAddress[address] = device;
    isLearnt[address] = 1;
  }
  return isLearnt;
}

/** Marks with 1 each IP address that a station other than a gateway sends from. */
function addressesOfHosts(addresses: number, senders: Senders, isGateway: Uint8Array): Uint8Array {
  const found = new Uint8Array(addresses);
  for (let id = 0; id < senders.count; id++) {
    if (senders.address[id] !== 0 && isGateway[senders.mac[id]!] === 0) found[senders.address[id]!] = 1;
  }
  return found;
}

/**
 * Marks with 1 each private IPv4 address that is a gateway's own. No other station sends from it, and it is the gateway's only one or
 * in a network with other stations. If a gateway has several such, since it answers for hosts elsewhere, its own end in 1 or 254.
 */
function gatewayAddresses(table: PacketTable, senders: Senders, isGateway: Uint8Array): Uint8Array {
  const { addresses } = table.conversations;
  const isOthers = addressesOfHosts(addresses.length, senders, isGateway);
  const subnetsOfOthers = new Set(
    addresses.filter((address, row) => isOthers[row] === 1 && isPrivateIpv4(address)).map(subnetOf),
  );
  const own = new Map<number, number[]>();
  for (let id = 0; id < senders.count; id++) {
    const [mac, address] = [senders.mac[id]!, senders.address[id]!];
    if (isGateway[mac] === 0 || isOthers[address] === 1 || !isPrivateIpv4(addresses[address]!)) continue;
    const rows = own.get(mac) ?? [];
    own.set(mac, rows);
    rows.push(address);
  }
  const found = new Uint8Array(addresses.length);
  for (const rows of own.values()) {
    const near = rows.length === 1 ? rows : rows.filter((row) => subnetsOfOthers.has(subnetOf(addresses[row]!)));
    const usual = near.length === 1 ? near : near.filter((row) => /\.(1|254)$/.test(addresses[row]!));
    for (const row of usual) found[row] = 1;
  }
  return found;
}

/** The private IPv4 addresses that a station uses at the same time, by station. A host with a new address gives up the old one. */
function addressesAtOnce(addresses: readonly string[], senders: Senders): Map<number, number[]> {
  const known = new Map<number, number[]>();
  for (let id = 0; id < senders.count; id++) {
    if (!isPrivateIpv4(addresses[senders.address[id]!]!)) continue;
    const ids = known.get(senders.mac[id]!) ?? [];
    known.set(senders.mac[id]!, ids);
    ids.push(id);
  }
  const found = new Map<number, number[]>();
  for (const [mac, ids] of known) {
    ids.sort((a, b) => senders.from[a]! - senders.from[b]!);
    const atOnce = new Set<number>();
    let last = ids[0]!;
    for (const id of ids.slice(1)) {
      if (senders.from[id]! < senders.to[last]!) for (const one of [last, id]) atOnce.add(senders.address[one]!);
      if (senders.to[id]! > senders.to[last]!) last = id;
    }
    if (atOnce.size > 1) found.set(mac, [...atOnce]);
  }
  return found;
}

/** Warns of labelled IP addresses that several stations use, with the times of each station. */
function movedAddresses(
  { macs, conversations }: PacketTable,
  senders: Senders,
  isGateway: Uint8Array,
  ofMac: Int32Array,
  ofAddress: Int32Array,
  devices: readonly Device[],
): string[] {
  const users = new Map<number, number[]>();
  for (let id = 0; id < senders.count; id++) {
    const [mac, address] = [senders.mac[id]!, senders.address[id]!];
    const device = ofAddress[address]!;
    if (device === NOBODY || isGateway[mac] === 1) continue;
    // Frames of a station that is labelled as another device belong to that device.
    if (ofMac[mac] === NOBODY || ofMac[mac] === device) users.set(address, [...(users.get(address) ?? []), id]);
  }
  return [...users].flatMap(([address, found]) => {
    const isTold = found.length > 1 && found.some((id) => ofMac[senders.mac[id]!] === NOBODY);
    if (!isTold) return [];
    const shown = found
      .sort((a, b) => senders.from[a]! - senders.from[b]!)
      .map((id) => {
        const span = `${formatTime(senders.from[id]!)} to ${formatTime(senders.to[id]!)}`;
        return `${macs[senders.mac[id]!]} (${senders.packets[id]} packets, ${span} UTC)`;
      });
    const { name } = devices[ofAddress[address]!]!;
    return `${conversations.addresses[address]}, labelled ${name}, is used by ${found.length} MAC addresses: ${shown.join(', ')}; all of it counts as ${name}, unless labels name the MAC addresses`;
  });
}

/** Seconds since the Unix epoch as '2021-03-08 15:22:15'. */
function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
