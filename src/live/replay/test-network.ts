import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { InputError, UsageError } from '../../shared/errors.js';
import { ipv4Text } from '../../trace/addresses.js';
import { ipv4Word } from '../../trace/scope.js';
import { interfaceWith } from '../interface.js';

/** An IPv4 network: the addresses that share the first `bits` bits of `base`. */
export interface Ipv4Network {
  readonly base: number;
  readonly bits: number;
}

/** Parses a network such as 10.77.0.0/24, or an address as a network of one. @throws UsageError for any other text */
export function parseNetwork(text: string, where: string): Ipv4Network {
  const [address = '', bits = '32', ...more] = text.split('/');
  const isWhole = /^\d{1,2}$/.test(bits) && Number(bits) <= 32;
  if (more.length > 0 || !isIPv4(address) || !isWhole) {
    throw new UsageError(`${where}: expected an IPv4 network such as 10.77.0.0/24, found "${text}"`);
  }
  return { base: (ipv4Word(address) & maskOf(Number(bits))) >>> 0, bits: Number(bits) };
}

export function formatNetwork({ base, bits }: Ipv4Network): string {
  return bits === 32 ? ipv4Text(base) : `${ipv4Text(base)}/${bits}`;
}

export function isInside(word: number, { base, bits }: Ipv4Network): boolean {
  return (word & maskOf(bits)) >>> 0 === base;
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** Networks that belong to nobody on the Internet: private, link-local, loopback, benchmarks (RFC 2544) and documentation (RFC 5737). */
const NOBODYS = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '127.0.0.0/8',
  '198.18.0.0/15',
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
].map((text) => parseNetwork(text, ''));

/** Whether all addresses of a network belong to nobody on the Internet. */
export function isNobodys(network: Ipv4Network): boolean {
  return NOBODYS.some((known) => network.bits >= known.bits && isInside(network.base, known));
}

/** IPv4 networks of an interface of this machine. @throws InputError where it has none */
export function networksOf(interfaceName: string): Ipv4Network[] {
  const addresses = networkInterfaces()[interfaceName];
  const networks = (addresses ?? []).flatMap(({ family, cidr }) =>
    family === 'IPv4' && cidr !== null ? [parseNetwork(cidr, interfaceName)] : [],
  );
  if (networks.length > 0) return networks;
  const known = Object.keys(networkInterfaces()).join(', ');
  throw new InputError(`${interfaceName}: expected an interface with an IPv4 address, such as ${known}`);
}

/** Address and interface from which this machine sends to `host`. Sends nothing. */
export async function ownAddressTo(host: string): Promise<{ address: string; interface: string | null }> {
  const socket = createSocket('udp4');
  try {
    const address = await new Promise<string>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(9, host, () => resolve(socket.address().address));
    });
    return { address, interface: interfaceWith(address) };
  } catch (cause) {
    throw new InputError(`${host}: no way there: ${(cause as Error).message}`, { cause });
  } finally {
    socket.close();
  }
}
