import { findAccessPoints } from '../encrypted.js';
import type { PacketTable } from '../packets.js';
import { eui64Of, interfaceOf, isGroupMac, isPrivateIpv4, networkOf, scopeOf, subnetOf } from '../scope.js';
import { findSenders, type Senders } from './senders.js';

/** A station that sends from this many networks beyond the home is a gateway, unless they are its own IPv6 prefixes. */
const GATEWAY_NETWORKS = 3;

export interface Gateways {
  /** Has 1 for each row of `macs` that is a gateway's. */
  readonly isGateway: Uint8Array;
  /**
   * Has 1 for each row of `conversations.addresses` beyond a gateway: an outside address in no network that several stations
   * of the home share.
   */
  readonly isBeyond: Uint8Array;
  /** Has 1 for each row of `macs` that is an access point's of encrypted Wi-Fi: a gateway, too. */
  readonly isAccessPoint: Uint8Array;
}

/**
 * Finds the stations that forward for others. A gateway sends frames from beyond the home to a host in it, and receives the frames of
 * the way back; one remote network is enough to see that. If no address shows which hosts are in the home, a gateway sends from
 * several networks. A host with several IPv6 prefixes is no gateway: whatever it sends from them to the outside goes through one.
 * Nor is a host that sends from a foreign address, since the answers go elsewhere. Encrypted 802.11 frames show no addresses, but say
 * which of their ends is the access point, which forwards.
 *
 * If frames name only their sender (Linux cooked captures), the way back is not required.
 */
export function findGateways(table: PacketTable, senders: Senders = findSenders(table)): Gateways {
  const { macs, conversations, source, destination, conversation, reverse } = table;
  const { addresses, addressA, addressB } = conversations;
  const isOutside = addresses.map((address) => scopeOf(address) === 'outside');
  const isBeyond = beyond(table, isOutside, senders);
  const isHome = addresses.map((address, row) => isPrivateIpv4(address) || (isOutside[row]! && isBeyond[row] === 0));
  const isGroup = macs.map((mac, row) => row > 0 && isGroupMac(mac));

  const bringsIn = new Uint8Array(macs.length);
  const bringsInUnnamed = new Uint8Array(macs.length);
  const takesOut = new Uint8Array(macs.length);
  /** The stations to which a station sends frames between two outside networks. */
  const nextHops = new Map<number, Set<number>>();
  for (let i = 0; i < table.packets; i++) {
    const [from, to] = [source[i]!, destination[i]!];
    if (from === 0 || from === to || isGroup[to]) continue;
    const a = addressA[conversation[i]!]!;
    const b = addressB[conversation[i]!]!;
    const [sender, receiver] = reverse[i] === 0 ? [a, b] : [b, a];
    if (isBeyond[sender] === 1) {
      if (isHome[receiver]) (to === 0 ? bringsInUnnamed : bringsIn)[from] = 1;
      else if (isBeyond[receiver] === 1 && to !== 0) {
        const hops = nextHops.get(from);
        if (hops) hops.add(to);
        else nextHops.set(from, new Set([to]));
      }
    } else if (isHome[sender] && isBeyond[receiver] === 1 && to !== 0) takesOut[to] = 1;
  }
  const isTwoWay = takesOut.some((flag) => flag === 1);
  const isCertain = Uint8Array.from(macs, (_, mac) =>
    bringsInUnnamed[mac] === 1 || (bringsIn[mac] === 1 && (takesOut[mac] === 1 || !isTwoWay)) ? 1 : 0,
  );

  const networks = countNetworks(addresses, isBeyond, senders);
  const hasGateway = isCertain.some((flag) => flag === 1);
  const isAccessPoint = findAccessPoints(table);
  const isGateway = Uint8Array.from(macs, (_, mac) => {
    const { all, ipv4 } = networks.get(mac) ?? { all: 0, ipv4: 0 };
    if (isCertain[mac] === 1 || isAccessPoint[mac] === 1) return 1;
    if (all < GATEWAY_NETWORKS) return 0;
    if (ipv4 >= GATEWAY_NETWORKS) return 1;
    const hops = [...(nextHops.get(mac) ?? [])];
    const isPastGateway = (hop: number) => isCertain[hop] === 1 || (networks.get(hop)?.all ?? 0) > all;
    const hasPrefixes = hops.length > 0 ? hops.every(isPastGateway) : hasGateway;
    return hasPrefixes ? 0 : 1;
  });
  return { isGateway, isBeyond, isAccessPoint };
}

/**
 * Marks outside addresses that are not in the home's own networks. In such a network several stations have addresses, or a station
 * has one whose interface identifier is made of its MAC address or is also in its link-local address.
 */
function beyond(
  { macs, conversations: { addresses } }: PacketTable,
  isOutside: readonly boolean[],
  senders: Senders,
): Uint8Array {
  const NONE = 0;
  const SEVERAL = -1;
  const stationOf = new Int32Array(addresses.length);
  for (let id = 0; id < senders.count; id++) {
    const address = senders.address[id]!;
    if (isOutside[address]) stationOf[address] = stationOf[address] === NONE ? senders.mac[id]! : SEVERAL;
  }
  const subnets = addresses.map((address, row) => (isOutside[row] ? subnetOf(address) : ''));
  const stations = new Map<string, number>();
  for (const [row, station] of stationOf.entries()) {
    if (station === NONE || station === SEVERAL) continue;
    const known = stations.get(subnets[row]!) ?? station;
    stations.set(subnets[row]!, known === station ? station : SEVERAL);
  }
  const identifiers = macs.map((mac) => new Set(mac === '' ? [] : [eui64Of(mac)]));
  const isLinkLocal = (row: number) => addresses[row]!.startsWith('fe80:');
  for (let id = 0; id < senders.count; id++) {
    const row = senders.address[id]!;
    if (isLinkLocal(row)) identifiers[senders.mac[id]!]!.add(interfaceOf(addresses[row]!));
  }
  for (let id = 0; id < senders.count; id++) {
    const row = senders.address[id]!;
    if (!isOutside[row] || !addresses[row]!.includes(':')) continue;
    if (identifiers[senders.mac[id]!]!.has(interfaceOf(addresses[row]!))) stations.set(subnets[row]!, SEVERAL);
  }
  return Uint8Array.from(addresses, (_, row) => (isOutside[row] && stations.get(subnets[row]!) !== SEVERAL ? 1 : 0));
}

/** Counts the networks beyond the home that each station sends from. */
function countNetworks(
  addresses: readonly string[],
  isBeyond: Uint8Array,
  { count, mac, address }: Senders,
): Map<number, { readonly all: number; readonly ipv4: number }> {
  const found = new Map<number, Set<string>>();
  for (let id = 0; id < count; id++) {
    if (isBeyond[address[id]!] === 0) continue;
    const networks = found.get(mac[id]!) ?? new Set();
    found.set(mac[id]!, networks.add(networkOf(addresses[address[id]!]!)));
  }
  return new Map(
    [...found].map(([station, networks]) => [
      station,
      { all: networks.size, ipv4: [...networks].filter((network) => !network.includes(':')).length },
    ]),
  );
}
