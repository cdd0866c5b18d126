import { readFileSync } from 'node:fs';
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Bits of the IPv6 prefix that a provider delegates to one home: RIPE-690 recommends /56 or /48. Other links of the home are in it,
 * even though this machine has no address there.
 */
const HOME_PREFIX = 56;
/** Link type of Ethernet, Wi-Fi and bridges (linux/if_arp.h). On others, such as tunnels, routes without a gateway lead anywhere. */
const ETHERNET = '1';
/** Flag of a route by way of a gateway (linux/route.h and linux/ipv6_route.h). */
const GATEWAY = 2;

/**
 * Whether an address belongs to this machine or its networks, as the system has them now: networks of its interfaces, networks with a
 * route without a gateway, the gateways, and a /56 around each global IPv6 address.
 */
export function isOfThisHome(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  return ownNetworks().check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}

function ownNetworks(): BlockList {
  const own = new BlockList();
  for (const { address, cidr, family } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    const bits = Number(cidr?.split('/')[1] ?? (family === 'IPv4' ? 32 : 128));
    if (family === 'IPv4') own.addSubnet(address, Math.max(bits, 1), 'ipv4');
    else
      own.addSubnet(address.replace(/%.*$/, ''), isGlobal(address) ? Math.min(bits || 128, HOME_PREFIX) : 128, 'ipv6');
  }
  const isEthernet = (name: string) => readLines(`/sys/class/net/${name}/type`)[0] === ETHERNET;
  // Fields (proc(5)): interface, destination, gateway, flags, ..., mask; words in the machine's byte order.
  for (const line of readLines('/proc/net/route').slice(1)) {
    const [name = '', to = '', via = '', flags = '', , , , mask = ''] = line.split(/\s+/);
    if ((Number.parseInt(flags, 16) & GATEWAY) !== 0) own.addAddress(ipv4Of(via), 'ipv4');
    else if (mask !== '00000000' && isEthernet(name)) own.addSubnet(ipv4Of(to), bitsOf(mask), 'ipv4');
  }
  // Fields: destination, its length, source, its length, next hop, metric, references, uses, flags, interface.
  for (const line of readLines('/proc/net/ipv6_route')) {
    const [to = '', length = '', , , via = '', , , , flags = '', name = ''] = line.split(/\s+/);
    const bits = Number.parseInt(length, 16);
    if ((Number.parseInt(flags, 16) & GATEWAY) !== 0) own.addAddress(ipv6Of(via), 'ipv6');
    else if (bits > 0 && isGlobal(to) && isEthernet(name)) own.addSubnet(ipv6Of(to), bits, 'ipv6');
  }
  return own;
}

/** Whether an address is in 2000::/3. All others are refused anyway. */
const isGlobal = (address: string) => /^[23][\da-f]{3}/i.test(address);

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n');
  } catch {
    // Only Linux has these files: elsewhere the addresses of interfaces have to do.
    return [];
  }
}

/** Bytes of a word that was printed as a number: on a little-endian machine the first byte comes last. */
const bytesOf = (hex: string) => [...Buffer.from(hex, 'hex')].reverse();

const ipv4Of = (hex: string) => bytesOf(hex).join('.');

const bitsOf = (mask: string) =>
  bytesOf(mask).reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0);

const ipv6Of = (hex: string) => hex.match(/.{4}/g)!.join(':');
