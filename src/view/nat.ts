import type { Rng } from '../shared/rng.js';
import type { Flows } from '../trace/trace.js';

/** The gateway's address outside; of the ranges for documentation (RFC 5737, RFC 3849). */
const OUTSIDE_IPV4 = '192.0.2.1';
const OUTSIDE_IPV6 = '2001:db8::1';
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;

/**
 * The flows as they are seen outside a gateway with NAPT: one local address (of each IP version), and for each flow a local
 * port drawn by chance, of 1024 to 65535, all of them used before one is used again (RFC 6056, section 3.3, demands no
 * more). So neither tells anything of the device. Flows without a local port have none outside either.
 */
export function translateAddresses(flows: Flows, rng: Rng): Flows {
  const addresses = [...flows.addresses];
  const ipv4 = addresses.push(OUTSIDE_IPV4) - 1;
  const ipv6 = addresses.push(OUTSIDE_IPV6) - 1;
  const localAddress = flows.localAddress.map((address) => (addresses[address]!.includes(':') ? ipv6 : ipv4));

  const ports = shuffledPorts(rng);
  let taken = 0;
  const localPort = flows.localPort.map((port) => (port === 0 ? 0 : ports[taken++ % PORTS]!));
  return { ...flows, addresses, localAddress, localPort };
}

/**
 * Ports such as a gateway makes up, of the flows `rows`: without chance, so that a flow that is seen again in other company, as live,
 * has the same again. Two flows may share one, since a gateway may have them do so where their other ends differ.
 */
export function steadyPorts(flows: Flows, rows: Iterable<number>): Uint16Array {
  const { transport, addresses, localAddress, localPort, remoteAddress, remotePort } = flows;
  const ports = new Uint16Array(flows.count);
  for (const row of rows) {
    if (localPort[row] === 0 || ports[row] !== 0) continue;
    const [here, there] = [addresses[localAddress[row]!], addresses[remoteAddress[row]!]];
    const ends = `${transport[row]} ${here} ${localPort[row]} ${there} ${remotePort[row]}`;
    // FNV-1a, of which a whole number of ports takes next to nothing.
    let hash = 0x811c9dc5;
    for (let i = 0; i < ends.length; i++) hash = Math.imul(hash ^ ends.charCodeAt(i), 0x01000193);
    ports[row] = FIRST_PORT + ((hash >>> 0) % PORTS);
  }
  return ports;
}

/** All ports that a gateway hands out, in an order drawn by chance (Fisher and Yates). */
function shuffledPorts(rng: Rng): Uint16Array {
  const ports = new Uint16Array(PORTS).map((_, i) => FIRST_PORT + i);
  for (let i = PORTS - 1; i > 0; i--) {
    const j = rng.integer(0, i);
    const port = ports[i]!;
    ports[i] = ports[j]!;
    ports[j] = port;
  }
  return ports;
}
