import { lookup as systemLookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { parse } from 'tldts';
import { UsageError } from '../shared/errors.js';
import { ipv4Text } from '../trace/addresses.js';
import { ipv6Words } from '../trace/scope.js';
import { isOfThisHome } from './own-networks.js';
import { bareHost, portOf } from './urls.js';

/** Something that is not asked for, and why. Not a fault of anyone's: links lead anywhere. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/**
 * IPv4 addresses that are not of one host on the Internet: IANA's special-purpose registry (RFC 6890), multicast, and the
 * deprecated relay 192.88.99.0/24 (RFC 7526).
 */
const SPECIAL_IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Of global unicast, 2000::/3, what is not: protocol assignments (Teredo, ORCHID, ...), documentation, 6to4. */
const SPECIAL_IPV6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const special = new BlockList();
for (const [network, prefix] of SPECIAL_IPV4) special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of SPECIAL_IPV6) special.addSubnet(network, prefix, 'ipv6');

/** Whether an IP address is that of a host on the Internet, as far as can be told from it alone. */
function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  if (isIPv4(plain)) return !special.check(plain, 'ipv4');
  if (isIP(plain) === 0) return false;
  const [a, , c, d] = ipv6Words(plain);
  const inner = embeddedIpv4(plain);
  if (inner !== null) return isPublicAddress(inner);
  // ISATAP (RFC 5214): a router hands it to the IPv4 address at its end.
  if ((c & 0xfdffffff) === 0x00005efe && !isPublicAddress(ipv4Text(d))) return false;
  return a >>> 29 === 1 && !special.check(plain, 'ipv6');
}

/** The IPv4 address that is meant by ::ffff:0:0/96, IPv4 mapped, and 64:ff9b::/96, NAT64 (RFC 6052); null where there is none. */
function embeddedIpv4(address: string): string | null {
  if (isIP(address) !== 6) return null;
  const [a, b, c, d] = ipv6Words(address);
  const isMapped = a === 0 && b === 0 && c === 0xffff;
  const isNat64 = a === 0x0064ff9b && b === 0 && c === 0;
  return isMapped || isNat64 ? ipv4Text(d) : null;
}

/** All addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Names as the system resolves them: hosts file included, which is why the addresses are checked and not the names. */
export const lookupAll: Lookup = async (name) =>
  (await systemLookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

interface GuardOptions {
  /** Networks such as `127.0.0.0/8` that may be contacted though they are private; with them, on any port, by any name. */
  readonly allowPrivate?: readonly string[];
  /** Networks of the home, never contacted though their addresses are public, besides those that `home` tells. */
  readonly homeNetworks?: readonly string[];
  /** Whether an address is of the machine itself or of its links; asked each time, since addresses come and go. */
  readonly home?: (address: string) => boolean;
  readonly deny?: readonly string[];
  readonly lookup?: Lookup;
}

/** Decides what may be contacted. Asked for each URL, redirects included, and again for the address that is connected to. */
export interface Guard {
  /** @throws Refused for a URL that is not asked for, as far as can be told without looking its name up */
  checkUrl(url: URL): void;
  /** @throws Refused */
  checkAddress(address: string, port: number): void;
  /**
   * Addresses of a host that may be connected to. A name with one private address among others is refused: that is how DNS
   * rebinding looks. Connect to what is returned, never to the name.
   * @throws Refused, or the error of the look-up
   */
  resolve(hostname: string, port: number): Promise<readonly string[]>;
}

/** Where web servers are; browsers refuse some others, and a link to any other is more likely odd than useful. */
const PORTS = new Set([80, 443, 8080, 8443]);

/** @throws UsageError for a network that is none */
export function createGuard(options: GuardOptions = {}): Guard {
  const { allowPrivate = [], homeNetworks = [], home = isOfThisHome, deny = [], lookup = lookupAll } = options;
  const isAllowed = networksOf(allowPrivate, 'unsafeAllowPrivate');
  const isOfHome = networksOf(homeNetworks, 'homeNetworks');
  const isAtHome = (address: string) => {
    const meant = embeddedIpv4(address) ?? address;
    return isOfHome(meant) || home(meant);
  };
  const denied = new Set(deny);

  /** The name itself, or a domain that it is in. */
  const isDenied = (name: string): boolean => {
    for (let rest = name; rest !== ''; rest = rest.slice(rest.indexOf('.') + 1)) {
      if (denied.has(rest)) return true;
      if (!rest.includes('.')) return false;
    }
    return false;
  };

  const guard: Guard = {
    checkUrl(url) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Refused(`scheme ${url.protocol}`);
      if (url.username !== '' || url.password !== '') throw new Refused('a URL with credentials');
      const host = bareHost(url.hostname);
      if (isDenied(host.replace(/\.$/, ''))) throw new Refused('deny list');
      if (isIP(host) !== 0) {
        if (!isAllowed(host)) throw new Refused(isPublicAddress(host) ? 'a bare address' : `private address ${host}`);
        return;
      }
      if (allowPrivate.length > 0) return;
      if (/\.(arpa|onion)\.?$/.test(host) || !parse(host, { allowPrivateDomains: false }).isIcann)
        throw new Refused(`not a public name: ${host}`);
      if (!PORTS.has(portOf(url))) throw new Refused(`port ${url.port}`);
    },
    checkAddress(address, port) {
      if (isAllowed(address)) return;
      if (!isPublicAddress(address)) throw new Refused(`private address ${address}`);
      if (isAtHome(address)) throw new Refused(`address of this home ${address}`);
      if (!PORTS.has(port)) throw new Refused(`port ${port}`);
    },
    async resolve(hostname, port) {
      const host = bareHost(hostname);
      const addresses = isIP(host) !== 0 ? [host] : await lookup(host);
      if (addresses.length === 0) throw new Refused(`no address: ${host}`);
      for (const address of addresses) guard.checkAddress(address, port);
      return addresses;
    },
  };
  return guard;
}

/** @throws UsageError for a network that is none, naming the key it was found in */
function networksOf(networks: readonly string[], key: string): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    const version = isIP(address);
    const bits = Number(prefix === '' ? Number.NaN : prefix);
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) {
      throw new UsageError(`${key}: expected a network such as 127.0.0.0/8, found "${network}"`);
    }
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
