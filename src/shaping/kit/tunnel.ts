import { z } from 'zod';
import { bytes, choice } from '../../shared/units.js';
import { UDP } from '../../trace/read/frame.js';
import { Protocol } from '../../trace/trace.js';
import { defineDefense, type TunnelFlow } from '../shaper.js';
import { sendFragments } from './parts.js';
import { createSegmenter } from './segments.js';

/** How a kind of tunnel wraps one inner IP packet. Lengths in bytes. */
interface TunnelKind {
  /** UDP port of both ends. */
  readonly port: number;
  /** Largest inner IP packet, unless the user says otherwise. */
  readonly mtu: number;
  /** Outer IPv4 and UDP headers, and the tunnel's own header and authentication tag. */
  readonly overhead: number;
  /** The inner packet is padded to a multiple of this, but not beyond the MTU; 1 for no padding. */
  readonly block: number;
}

const TUNNELS = {
  // Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel" (NDSS 2017), section 5.4.6: type 4, receiver 4, counter 8,
  // tag 16. Padding as in Linux, drivers/net/wireguard/send.c, calculate_skb_padding; MTU 1500 - 80, to have room for IPv6.
  wireguard: { port: 51820, mtu: 1420, overhead: 20 + 8 + 32, block: 16 },
  // Data channel P_DATA_V2 with an AEAD cipher (Linux, drivers/net/ovpn/crypto_aead.c): opcode and peer id 4, packet id 4,
  // tag 16, no padding. The interface's MTU is 1500, but "mssfix 1492", the default, keeps TCP to outer packets of 1492.
  openvpn: { port: 1194, mtu: 1492 - 52, overhead: 20 + 8 + 24, block: 1 },
} as const satisfies Record<string, TunnelKind>;

/** Bytes of the Ethernet header before the inner and the outer IP packet. */
export const ETHERNET_HEADER = 14;
const FLOW_BITS = Protocol.IP | Protocol.UDP;
/** RFC 791: every host takes an IP packet of this length. */
const SMALLEST_MTU = 576;

export const tunnelParameters = z
  .object({
    tunnel: choice(['wireguard', 'openvpn'], 'how packets are wrapped'),
    mtu: bytes(
      [0, 65_535],
      0,
      'of the largest inner IP packet; 0 for the usual one: 1420 for wireguard, 1440 for openvpn',
    ),
    clamp: z
      .boolean()
      .default(false)
      .describe(
        'TCP makes segments that fit, as where the gateway clamps their size; false: all that is longer is cut in two',
      ),
  })
  .refine(({ mtu }) => mtu === 0 || mtu >= SMALLEST_MTU, {
    path: ['mtu'],
    error: `expected 0 or at least ${SMALLEST_MTU}`,
  });

/** How one tunnel wraps what enters it. Lengths in bytes. */
export interface Encapsulation {
  /** Largest inner IP packet. */
  readonly mtu: number;
  /** Length of the frame around an inner packet of `inner` bytes, at most `mtu`. */
  frame(inner: number): number;
}

export function encapsulationOf({
  tunnel,
  mtu: asked,
}: Pick<z.output<typeof tunnelParameters>, 'tunnel' | 'mtu'>): Encapsulation {
  const { overhead, block, mtu: usual } = TUNNELS[tunnel];
  const mtu = asked === 0 ? usual : asked;
  return { mtu, frame: (inner) => ETHERNET_HEADER + overhead + Math.min(mtu, Math.ceil(inner / block) * block) };
}

export function flowOfTunnel({ tunnel }: Pick<z.output<typeof tunnelParameters>, 'tunnel'>): TunnelFlow {
  return { protocols: FLOW_BITS, transport: UDP, port: TUNNELS[tunnel].port, header: ETHERNET_HEADER };
}

/**
 * A tunnel over UDP and IPv4 from the gateway: Ethernet, outer headers, the inner IP packet, padding. An inner packet over the MTU is
 * cut into IP fragments; with `clamp` TCP is cut into segments instead ({@link createSegmenter}). Frames without IP are dropped.
 */
export const tunnelDefense = defineDefense({
  name: 'vpn',
  summary: 'A VPN tunnel at the gateway: one flow, lengths after encapsulation.',
  source: 'WireGuard (NDSS 2017), section 5.4.6; OpenVPN data channel v2',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters: tunnelParameters,
  tunnel: flowOfTunnel,
  create(parameters) {
    const { mtu, frame } = encapsulationOf(parameters);
    const segmenter = parameters.clamp ? createSegmenter(mtu, frame) : null;
    return {
      packet(p, link) {
        if ((p.protocols & Protocol.IP) === 0) return link.drop(p);
        if (segmenter && (p.protocols & Protocol.TCP) !== 0) return segmenter.packet(p, link);
        sendFragments(p, link, mtu, frame);
      },
      wake: (link) => segmenter?.wake(link),
      close: (link) => segmenter?.close(link),
    };
  },
});
