import type { PacketTable } from '../packets.js';
import { isGroupMac, scopeOf } from '../scope.js';
import { findGateways } from './gateways.js';

/** The hosts of a home without labels. */
export interface Hosts {
  /** Addresses of the hosts, in the order of their first packets. */
  readonly addresses: readonly string[];
  /** Host by row of `macs`; -1 for none. */
  readonly ofMac: Int32Array;
  /** Host by row of `conversations.addresses`; -1 for none. */
  readonly ofAddress: Int32Array;
}

/**
 * Finds the hosts of a home from addresses alone. If frames name both ends, a host is a MAC address that is no group's and no
 * gateway's. A gateway sends from several outside networks, or from an outside IPv4 address while others have private ones.
 * If frames do not name both ends (raw IP, Linux cooked captures), a host is an address in the home's ranges. A capture from beyond
 * the gateway has none of those: there the host is the IPv4 and the IPv6 address with most packets.
 */
export function findHosts(table: PacketTable): Hosts {
  const { macs, conversations } = table;
  const { addresses, addressA, addressB } = conversations;
  const scopes = addresses.map(scopeOf);
  const { isGateway } = findGateways(table);
  const speaksForOutside = new Uint8Array(macs.length);
  const packets = new Float64Array(addresses.length);
  let lacksMac = false;
  let hasPrivate = false;
  for (let i = 0; i < table.packets; i++) {
    const conversation = table.conversation[i]!;
    const [from, to] = [addressA[conversation]!, addressB[conversation]!];
    packets[from]!++;
    packets[to]!++;
    if (scopes[from] === 'home' || scopes[to] === 'home') hasPrivate = true;
    if (table.source[i] === 0 || table.destination[i] === 0) {
      lacksMac = true;
      continue;
    }
    const sender = table.reverse[i] === 0 ? from : to;
    if (scopes[sender] === 'outside' && !addresses[sender]!.includes(':')) speaksForOutside[table.source[i]!] = 1;
  }

  const found: string[] = [];
  const add = (address: string) => found.push(address) - 1;
  const isHostMac = (mac: string, row: number) =>
    row > 0 && !isGroupMac(mac) && isGateway[row] === 0 && !(hasPrivate && speaksForOutside[row] === 1);
  const ofMac = Int32Array.from(macs, (mac, row) => (isHostMac(mac, row) ? add(mac) : -1));

  const mostUsed = (isIpv6: boolean) => {
    let best = -1;
    for (const [row, address] of addresses.entries()) {
      if (scopes[row] !== 'outside' || address.includes(':') !== isIpv6) continue;
      if (best < 0 || packets[row]! > packets[best]!) best = row;
    }
    return best;
  };
  const own = hasPrivate ? [] : [mostUsed(false), mostUsed(true)];
  const ofAddress = Int32Array.from(addresses, (address, row) =>
    lacksMac && (scopes[row] === 'home' || own.includes(row)) ? add(address) : -1,
  );
  return { addresses: found, ofMac, ofAddress };
}
