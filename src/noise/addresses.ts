import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parse } from 'tldts';
import { UsageError } from '../shared/errors.js';
import { isOfThisHome } from './own-networks.js';
import { bareHost, portOf } from './urls.js';

/** Why a URL or an address is not contacted. It is nobody's fault: links lead anywhere. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Global unicast addresses (RFC 4291, section 2.4): IPv6 beyond them is special or unassigned. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** NAT64 (RFC 6052): the last four bytes are the IPv4 address that is reached. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Parses a valid address; an IPv4-mapped one becomes IPv4. ipaddr.js would take `::8.8.8.8`, an IPv4-compatible one, for mapped. */
function parseAddress(text: string): Address {
  return ipaddr.process(text.replace(/^::(?=\d+\.)/, '0::'));
}

/** The address that packets to a valid address reach: the IPv4 address inside an IPv4-mapped or NAT64 one, otherwise itself. */
function reachedBy(address: string): Address {
  const parsed = parseAddress(address);
  return parsed instanceof ipaddr.IPv6 && parsed.match(NAT64) ? innerIpv4(parsed) : parsed;
}

function innerIpv4(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

/** Whether an address is that of a host on the Internet, as far as the address itself tells: outside every special-purpose range. */
function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const reached = reachedBy(address);
  if (reached.range() !== 'unicast') return false;
  if (reached instanceof ipaddr.IPv4) return true;
  // ISATAP (RFC 5214): a router delivers to the IPv4 address at the end.
  const [, , , , flags, marker] = reached.parts;
  if ((flags! & 0xfdff) === 0 && marker === 0x5efe && innerIpv4(reached).range() !== 'unicast') return false;
  return reached.match(GLOBAL_IPV6);
}

/** Returns all addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Resolves names as the system does. That includes the hosts file, which is why addresses are checked and not only names. */
export const lookupAll: Lookup = async (name) =>
  (await systemLookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

interface GuardOptions {
  /** Private networks that may be contacted, such as `127.0.0.0/8`: on any port, and then by any name. */
  readonly allowPrivate?: readonly string[];
  /** Networks of the home besides those that `home` knows: never contacted, though their addresses are public. */
  readonly homeNetworks?: readonly string[];
  /** Whether an address belongs to this machine or its links. Asked for each connection, since addresses change. */
  readonly home?: (address: string) => boolean;
  /** Domains never contacted, subdomains included. */
  readonly deny?: readonly string[];
  readonly lookup?: Lookup;
}

/** Decides what may be contacted: asked for each URL, redirects included, and again for the address of each connection. */
export interface Guard {
  /** @throws Refused for a URL that may not be requested, judged without a look-up of its name */
  checkUrl(url: URL): void;
  /** @throws Refused for an address or port that may not be connected to */
  checkAddress(address: string, port: number): void;
  /**
   * Resolves a host to addresses that may be connected to. A name with one private address among others is refused, since DNS
   * rebinding looks like that. Connect to a returned address, never to the name.
   * @throws Refused, or the error of the look-up
   */
  resolve(hostname: string, port: number): Promise<readonly string[]>;
}

/** Usual ports of web servers. */
const PORTS = new Set([80, 443, 8080, 8443]);

/** @throws UsageError for a network that is not valid */
export function createGuard(options: GuardOptions = {}): Guard {
  const { allowPrivate = [], homeNetworks = [], home = isOfThisHome, deny = [], lookup = lookupAll } = options;
  const isAllowed = networksOf(allowPrivate, 'unsafeAllowPrivate');
  const isOfHome = networksOf(homeNetworks, 'homeNetworks');
  const isAtHome = (address: Address) => isOfHome(address) || home(address.toString());
  const denied = new Set(deny);

  /** Whether the deny list has a name or a domain above it. */
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
        if (!isAllowed(parseAddress(host)))
          throw new Refused(isPublicAddress(host) ? 'a bare address' : `private address ${host}`);
        return;
      }
      if (allowPrivate.length > 0) return;
      if (/\.(arpa|onion)\.?$/.test(host) || !parse(host, { allowPrivateDomains: false }).isIcann)
        throw new Refused(`not a public name: ${host}`);
      if (!PORTS.has(portOf(url))) throw new Refused(`port ${url.port}`);
    },
    checkAddress(address, port) {
      if (isIP(address) !== 0 && isAllowed(parseAddress(address))) return;
      if (!isPublicAddress(address)) throw new Refused(`private address ${address}`);
      if (isAtHome(reachedBy(address))) throw new Refused(`address of this home ${address}`);
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

/** @throws UsageError for a network that is not valid, with the key that it stands under */
function networksOf(networks: readonly string[], key: string): (address: Address) => boolean {
  const ranges = networks.map((network) => {
    if (isIP(network.replace(/\/.*$/, '')) !== 0 && ipaddr.isValidCIDR(network)) return ipaddr.parseCIDR(network);
    throw new UsageError(`${key}: expected a network such as 127.0.0.0/8, found "${network}"`);
  });
  return (address) =>
    ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}
