import { InputError } from '../shared/errors.js';
import { IpOption } from '../trace/seen.js';
import { Protocol } from '../trace/trace.js';
import type { Column } from './forest/bins.js';
import type { Windows } from './windows.js';

/**
 * The features of IoTSense (Bezawada et al., arXiv 1804.03852): 19 for each of five packets in a row. They are after public code, which has
 * HTTPS for what is TCP and to or from port 443, and the same for DHCP as for BOOTP. Two are not told apart here: ICMP and ICMPv6 are what
 * is neither TCP nor UDP in IP, which has IGMP as well; and EAPoL is all without IP, which has ARP as well. So there are 12 bits, not 14.
 */

/** Packets in a window; features of what a shorter window lacks are 0. */
export const PACKETS = 5;

interface Packet {
  readonly protocols: number;
  readonly port: number;
}

const has = (protocol: number) => (packet: Packet) => (packet.protocols & protocol) !== 0;
const isTcp = has(Protocol.TCP);
const isUdp = has(Protocol.UDP);
const isIp = has(Protocol.IP);
const onUdp =
  (...ports: number[]) =>
  (packet: Packet) =>
    isUdp(packet) && ports.includes(packet.port);

const BITS: Readonly<Record<string, (packet: Packet) => boolean>> = {
  IP: isIp,
  ICMP: (packet) => isIp(packet) && !isTcp(packet) && !isUdp(packet),
  EAPoL: (packet) => !isIp(packet),
  TCP: isTcp,
  UDP: isUdp,
  HTTP: has(Protocol.HTTP),
  HTTPS: (packet) => isTcp(packet) && packet.port === 443,
  DHCP: onUdp(67, 68),
  SSDP: onUdp(1900),
  DNS: onUdp(53),
  mDNS: onUdp(5353),
  NTP: onUdp(123),
};

/**
 * Columns with a row for each window, one set for each of its first five packets.
 * @throws InputError for windows without the columns that they are made from
 */
export function headerColumns({ packets, seen = {}, start, count }: Windows): Column[] {
  const { payloadEntropy, payloadLength, tcpWindow, ipOptions } = seen;
  if (!payloadEntropy || !payloadLength || !tcpWindow || !ipOptions) {
    throw new InputError('windows: expected payload entropy and length, TCP windows and IP options');
  }
  const isSet = (option: number) => (row: number) => Number((ipOptions[row]! & option) !== 0);
  const features: Record<string, (row: number) => number> = {
    padding: isSet(IpOption.PADDING),
    'router alert': isSet(IpOption.ROUTER_ALERT),
    entropy: (row) => payloadEntropy[row]!,
    'TCP window': (row) => tcpWindow[row]!,
    'TCP payload': (row) => ((packets.protocols[row]! & Protocol.TCP) === 0 ? 0 : payloadLength[row]!),
  };
  for (const [name, bit] of Object.entries(BITS)) {
    features[name] = (row) => Number(bit({ protocols: packets.protocols[row]!, port: packets.port[row]! }));
  }
  return Array.from({ length: PACKETS }).flatMap((_, i) =>
    Object.entries(features).map(([name, feature]): Column => {
      const values = new Float32Array(start.length);
      for (let window = 0; window < start.length; window++)
        if (i < count[window]!) values[window] = feature(start[window]! + i);
      return { kind: 'numeric', name: `${name} ${i + 1}`, values };
    }),
  );
}
