import type { Column } from '../shared/columns.js';
import { type Rng, shuffle } from '../shared/rng.js';
import { mapSeen } from '../trace/seen.js';
import { Direction, type Flows, filterPackets, type Trace } from '../trace/trace.js';

/** Addresses of the gateway on its outer side, from the ranges for documentation (RFC 5737, RFC 3849). */
const OUTSIDE_IPV4 = '192.0.2.1';
const OUTSIDE_IPV6 = '2001:db8::1';
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;

/**
 * Selects the packets that cross the gateway, with the addresses, ports and hop limits that they have outside it: the gateway is a hop, so
 * those on their way out have one less there, and those on their way in still have one more.
 */
export function outsideGateway(trace: Trace, rng: Rng): Trace {
  const { wan } = trace.flows;
  const crossing = filterPackets(trace, (row) => wan[trace.flow[row]!] === 1);
  const seen = mapSeen(crossing, (column, name) => (name === 'hopLimit' ? hopsOutside(crossing, column) : column));
  return { ...crossing, ...seen, flows: translateAddresses(trace.flows, rng) };
}

function hopsOutside({ direction }: Trace, hopLimit: Column): Uint8Array {
  return Uint8Array.from(hopLimit, (hops, row) => {
    // Without IP there is no limit.
    if (hops === 0) return 0;
    return direction[row] === Direction.OUTBOUND ? hops - 1 : Math.min(255, hops + 1);
  });
}

/**
 * Rewrites flows as a gateway with NAPT does. All get one local address for each IP version, and each a local port drawn at random from
 * 1024 to 65535. No port is used again before all have been (RFC 6056, section 3.3, demands no more), so neither tells anything about
 * the device. Flows without a local port have none outside either.
 */
function translateAddresses(flows: Flows, rng: Rng): Flows {
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
 * Derives the gateway's ports of the flows `rows` from their addresses, without chance: a flow that returns in a later batch of live
 * traffic has the same port again. Two flows may share a port, as at a gateway if their other ends differ.
 */
export function steadyPorts(flows: Flows, rows: Iterable<number>): Uint16Array {
  const { transport, addresses, localAddress, localPort, remoteAddress, remotePort } = flows;
  const ports = new Uint16Array(flows.count);
  for (const row of rows) {
    if (localPort[row] === 0 || ports[row] !== 0) continue;
    const [here, there] = [addresses[localAddress[row]!], addresses[remoteAddress[row]!]];
    const ends = `${transport[row]} ${here} ${localPort[row]} ${there} ${remotePort[row]}`;
    // FNV-1a
    let hash = 0x811c9dc5;
    for (let i = 0; i < ends.length; i++) hash = Math.imul(hash ^ ends.charCodeAt(i), 0x01000193);
    ports[row] = FIRST_PORT + ((hash >>> 0) % PORTS);
  }
  return ports;
}

/** All ports that a gateway hands out, in a random order. */
function shuffledPorts(rng: Rng): Uint16Array {
  return shuffle(
    new Uint16Array(PORTS).map((_, i) => FIRST_PORT + i),
    rng,
  );
}
