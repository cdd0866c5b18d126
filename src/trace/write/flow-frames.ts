import { ipv4Word, ipv6Words, isGroupMac, normaliseIp, normaliseMac, scopeOf } from '../scope.js';
import { Direction, NO_DEVICE, type Trace } from '../trace.js';
import { deviceMac, GATEWAY_MAC, macBytes, PROVIDER_MAC } from './device-macs.js';
import type { Application } from './payload.js';

/** Port of Tuya's plugs and bulbs, where Wireshark expects IPDC. Zeros are whole IPDC messages, so unknown payloads are zeros. */
const TUYA = 6668;
export const GATEWAY = macBytes(GATEWAY_MAC);
const PROVIDER = macBytes(PROVIDER_MAC);

/** The fields that all frames of a flow share, in each direction. */
export interface FlowFrame {
  readonly isIpv6: boolean;
  /** Addresses in network byte order. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly localPort: number;
  readonly remotePort: number;
  /** Sum of the 16-bit words of both addresses, for the pseudo-header of checksums. */
  readonly addressSum: number;
  readonly transport: number;
  readonly localMac: Uint8Array;
  readonly remoteMac: Uint8Array;
  readonly hops: number;
  readonly conversation: Conversation;
  /** The side of the conversation that is local, 0 or 1. */
  readonly side: number;
}

/** State of the exchange between two ends: one flow, or the flows of both ends where both are devices of the home. Columns have two rows, one a side. */
export interface Conversation {
  readonly id: number;
  /** The next sequence number. */
  readonly sequence: Uint32Array;
  /** The sequence number up to which the other side has acknowledged. */
  readonly acknowledged: Uint32Array;
  /** Bytes of the largest segment; 0 before the first. */
  readonly largest: Uint16Array;
  /** Packets so far. */
  readonly count: Uint32Array;
  /** The advertised receive window in bytes. */
  readonly window: Uint16Array;
  /** The application that a reader assumes for a segment that does not show one. */
  application: Application;
}

/**
 * Returns a function that describes the frames of a row of `flows`.
 * @param stations MAC addresses of the devices; null for a capture from outside the gateway
 */
export function createFlowFrames(trace: Trace, stations: readonly Uint8Array[] | null): (row: number) => FlowFrame {
  const { flows } = trace;
  const owners = findOwners(trace);
  const nobody = macBytes(deviceMac(NO_DEVICE));
  const conversations = new Map<string, Conversation>();

  const remoteMacOf = (row: number, remote: Uint8Array, text: string | null): Uint8Array => {
    if (stations === null) return PROVIDER;
    const peer = stations[owners.peer[row]!];
    if (peer) return peer;
    const linkAddress = normaliseMac(flows.addresses[flows.remoteAddress[row]!] ?? '');
    if (linkAddress !== null && isGroupMac(linkAddress)) return macBytes(linkAddress);
    return text !== null && scopeOf(text) === 'group' ? groupMac(remote) : GATEWAY;
  };

  return (row) => {
    const localText = normaliseIp(flows.addresses[flows.localAddress[row]!] ?? '');
    const remoteText = normaliseIp(flows.addresses[flows.remoteAddress[row]!] ?? '');
    const isIpv6 = (remoteText ?? localText ?? '').includes(':');
    // A documentation address replaces one that is missing or of the other IP version (RFC 5737, RFC 3849).
    const stand = (text: string | null, ipv4: string, ipv6: string) =>
      addressBytes(text !== null && text.includes(':') === isIpv6 ? text : isIpv6 ? ipv6 : ipv4);
    const local = stand(localText, '192.168.0.2', 'fd00::2');
    const remote = stand(remoteText, '203.0.113.1', '2001:db8::1');
    const localPort = flows.localPort[row]!;
    const remotePort = flows.remotePort[row]!;
    const transport = flows.transport[row]!;

    const ends = [`${local.join('.')}/${localPort}`, `${remote.join('.')}/${remotePort}`];
    const side = ends[0]! <= ends[1]! ? 0 : 1;
    const key = `${transport} ${ends[side]} ${ends[1 - side]}`;
    let conversation = conversations.get(key);
    if (!conversation) {
      const isPlain = localPort !== TUYA && remotePort !== TUYA;
      conversation = createConversation(row, isPlain ? 'text' : 'zeros');
      conversations.set(key, conversation);
    }

    let addressSum = 0;
    for (const bytes of [local, remote]) {
      for (let i = 0; i < bytes.length; i += 2) addressSum += (bytes[i]! << 8) | bytes[i + 1]!;
    }
    const remoteMac = remoteMacOf(row, remote, remoteText);
    return {
      isIpv6,
      local,
      remote,
      localPort,
      remotePort,
      addressSum,
      transport,
      localMac: stations === null ? GATEWAY : (stations[owners.ofFlow[row]!] ?? nobody),
      remoteMac,
      // Packets for the local link keep the hop limit that no router has lowered (RFC 5082).
      hops: remoteMac === GATEWAY || remoteMac === PROVIDER ? 64 : 255,
      conversation,
      side,
    };
  };
}

function createConversation(id: number, application: Application): Conversation {
  // Any initial sequence numbers will do, as long as they differ.
  const initial = Math.imul(id + 1, 0x9e3779b1);
  const sequence = Uint32Array.of(initial, Math.imul(initial, 0x85ebca6b));
  return {
    id,
    sequence,
    acknowledged: sequence.slice(),
    largest: new Uint16Array(2),
    count: new Uint32Array(2),
    window: Uint16Array.of(65535, 65535),
    application,
  };
}

/** Owners of flows and addresses: the device of the first packet that has one. */
interface Owners {
  /** Owner by row of flow. */
  readonly ofFlow: Uint16Array;
  /** Owner by row of `addresses`. */
  readonly ofAddress: Uint16Array;
  /** The device at the other end by row of flow; NO_DEVICE for none. */
  readonly peer: Uint16Array;
}

/**
 * Finds owners. A labelled peer sends in flows of its own, so a flow with inbound packets has no device as its peer. A flow
 * without any device's packets, which a defense opens for cover, belongs to the owner of its local address.
 */
function findOwners({ packets, flow, flows, direction, device }: Trace): Owners {
  const { count, localAddress, remoteAddress, wan } = flows;
  const ofFlow = new Uint16Array(count).fill(NO_DEVICE);
  const ofAddress = new Uint16Array(flows.addresses.length).fill(NO_DEVICE);
  const hasInbound = new Uint8Array(count);
  for (let i = 0; i < packets; i++) {
    const row = flow[i]!;
    if (direction[i] === Direction.INBOUND) hasInbound[row] = 1;
    if (ofFlow[row] === NO_DEVICE) ofFlow[row] = device[i]!;
    if (ofAddress[localAddress[row]!] === NO_DEVICE) ofAddress[localAddress[row]!] = device[i]!;
  }
  const peer = new Uint16Array(count).fill(NO_DEVICE);
  for (let row = 0; row < count; row++) {
    if (ofFlow[row] === NO_DEVICE) ofFlow[row] = ofAddress[localAddress[row]!]!;
    if (wan[row] === 0 && hasInbound[row] === 0) peer[row] = ofAddress[remoteAddress[row]!]!;
  }
  return { ofFlow, ofAddress, peer };
}

/** The 4 or 16 bytes of a normalised IP address. */
function addressBytes(address: string): Uint8Array {
  const words = address.includes(':') ? ipv6Words(address) : [ipv4Word(address)];
  return Uint8Array.from(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
}

/** The MAC address of a multicast address (RFC 1112, section 6.4; RFC 2464, section 7); any other address is broadcast. */
function groupMac(address: Uint8Array): Uint8Array {
  if (address.length === 16) return Uint8Array.of(0x33, 0x33, ...address.subarray(12));
  const isMulticast = address[0]! >> 4 === 14;
  if (isMulticast) return Uint8Array.of(0x01, 0x00, 0x5e, address[1]! & 0x7f, address[2]!, address[3]!);
  return new Uint8Array(6).fill(0xff);
}
