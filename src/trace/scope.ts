/**
 * Tells where an address can be from the address alone, since a trace keeps only its text. MAC and IP addresses are in the form that
 * the readers produce (addresses.ts).
 */

import { isIPv4, isIPv6 } from 'node:net';
import { ipv4Text, ipv6Text, macText } from './addresses.js';

/** A MAC address in any usual notation (`AA-BB-..`, `aa:bb:..`, `aabb.ccdd.eeff`, `aabbccddeeff`), or null. */
export function normaliseMac(text: string): string | null {
  const trimmed = text.trim();
  const isMac =
    /^[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(\1[0-9a-f]{1,2}){4}$/i.test(trimmed) ||
    /^[0-9a-f]{4}([.:-])[0-9a-f]{4}\1[0-9a-f]{4}$/i.test(trimmed) ||
    /^[0-9a-f]{12}$/i.test(trimmed);
  if (!isMac) return null;
  const groups = trimmed.split(/[.:-]/);
  const digits = groups.map((group) => (groups.length === 6 ? group.padStart(2, '0') : group)).join('');
  return macText(Number.parseInt(digits.slice(0, 4), 16), Number.parseInt(digits.slice(4), 16));
}

/** An IPv4 or IPv6 address in any valid notation (a zone such as `%eth0` is taken off), or null. */
export function normaliseIp(text: string): string | null {
  const trimmed = text.trim();
  if (isIPv4(trimmed)) return ipv4Text(ipv4Word(trimmed));
  if (!isIPv6(trimmed)) return null;
  const [a, b, c, d] = ipv6Words(trimmed);
  return ipv6Text(a, b, c, d);
}

/** A MAC address of a group of stations (broadcast included): the lowest bit of its first byte is set. */
export function isGroupMac(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/**
 * A MAC address that its own station or network chose: the second-lowest bit of its first byte is set (IEEE 802c-2017). Randomised
 * addresses have it; so have those of virtual machines, and further ones of an access point.
 */
export function isLocalMac(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) === 2;
}

/**
 * - `outside`: can be reached only through the gateway.
 * - `home`: of a host on the LAN: private (RFC 1918, RFC 4193), link-local, loopback.
 * - `group`: multicast and broadcast, and what is no host's address (0.0.0.0/8, ::, 240.0.0.0/4).
 * - `none`: no address.
 *
 * Addresses of carrier-grade NAT (100.64.0.0/10, RFC 6598) are outside: they lie between the home's gateway and the
 * provider's. So are the ranges of documentation and benchmarks, which anonymised captures use for the Internet's.
 */
export type Scope = 'outside' | 'home' | 'group' | 'none';

export function scopeOf(address: string): Scope {
  if (isIPv4(address)) return scopeOfIpv4(ipv4Word(address));
  if (!isIPv6(address)) return 'none';
  const [a, b, c, d] = ipv6Words(address);
  if (a === 0 && b === 0) {
    // ::ffff:0:0/96, an IPv4 address in IPv6's notation (RFC 4291, section 2.5.5.2).
    if (c === 0xffff) return scopeOfIpv4(d);
    if (c === 0 && d === 0) return 'group';
    if (c === 0 && d === 1) return 'home';
  }
  if (a >>> 24 === 0xff) return 'group';
  // fe80::/10, the fec0::/10 that was once for sites (RFC 3879), fc00::/7.
  if (a >>> 22 === 0x3fa || a >>> 22 === 0x3fb || a >>> 25 === 0x7e) return 'home';
  return 'outside';
}

/** The network that hosts next to each other share: the /64 of an IPv6 address, the address itself in IPv4. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [a, b, c, d] = ipv6Words(address);
  return a === 0 && b === 0 && c === 0xffff ? ipv4Text(d) : ipv6Text(a, b, 0, 0);
}

/** The network whose hosts may be on one link: the /64 of an IPv6 address, the /24 of an IPv4 address. */
export function subnetOf(address: string): string {
  const network = networkOf(address);
  return network.includes(':') ? network : network.replace(/\d+$/, '0');
}

/** The lower half of an IPv6 address, which names an interface within its /64. */
export function interfaceOf(address: string): string {
  const [, , c, d] = ipv6Words(address);
  return ipv6Text(0, 0, c, d);
}

/** The interface identifier that a station makes of its MAC address (RFC 4291, appendix A), as {@link interfaceOf} gives it. */
export function eui64Of(mac: string): string {
  const digits = mac.replaceAll(':', '');
  const [high, low] = [Number.parseInt(digits.slice(0, 6), 16), Number.parseInt(digits.slice(6), 16)];
  return ipv6Text(0, 0, (((high ^ 0x020000) << 8) | 0xff) >>> 0, (0xfe000000 | low) >>> 0);
}

/** An address of RFC 1918: a host in a home has one, and its gateway translates it. */
export function isPrivateIpv4(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
}

function scopeOfIpv4(word: number): Scope {
  const first = word >>> 24;
  const second = (word >>> 16) & 255;
  if (first === 0 || first >= 224) return 'group';
  if (first === 10 || first === 127) return 'home';
  if ((first === 172 && second >> 4 === 1) || (first === 192 && second === 168)) return 'home';
  if (first === 169 && second === 254) return 'home';
  return 'outside';
}

/** The 32-bit word of a valid IPv4 address. */
export function ipv4Word(text: string): number {
  return text.split('.').reduce((word, part) => word * 256 + Number(part), 0) >>> 0;
}

/** The four 32-bit words of a valid IPv6 address. */
export function ipv6Words(text: string): [number, number, number, number] {
  // A last part in IPv4's notation stands for two groups.
  const plain = text.replace(/%.*$/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (ipv4) => {
    const word = ipv4Word(ipv4);
    return `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  const word = (i: number) => ((all[i]! << 16) | all[i + 1]!) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}
