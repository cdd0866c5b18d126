import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOLD } from '../../../src/shaping/kit/segments.js';
import { tunnelDefense, tunnelParameters } from '../../../src/shaping/kit/tunnel.js';
import { shape } from '../../../src/shaping/simulate.js';
import { resolveParameters } from '../../../src/shared/parameters.js';
import { createRng } from '../../../src/shared/rng.js';
import { Protocol } from '../../../src/trace/trace.js';
import { anyTrace, carriedBy, makeTrace, type Packet } from '../../support/traces.js';

/** Carries one frame with an inner IP packet of `inner` bytes through the tunnel. */
function through(given: Record<string, unknown>, inner: number) {
  const parameters = resolveParameters(tunnelParameters, given, 'defense vpn');
  return shape(makeTrace([{ time: 1, length: 14 + inner, device: 1 }]), tunnelDefense, parameters, {
    rng: createRng(1),
  });
}
const lengths = (given: Record<string, unknown>, inner: number) => [...through(given, inner).trace.length];

describe('wireguard', () => {
  // Ethernet 14, IPv4 20, UDP 8, WireGuard 32, and the inner packet up to a multiple of 16.
  test.each([
    [40, [14 + 60 + 48]],
    [48, [14 + 60 + 48]],
    [49, [14 + 60 + 64]],
    [1408, [14 + 60 + 1408]],
    [1409, [14 + 60 + 1420]], // 1424, but not beyond the MTU
    [1420, [14 + 60 + 1420]],
    // Over the MTU: 1400 bytes of payload and a header of 20 in the first fragment, the rest in the second.
    [1421, [14 + 60 + 1420, 14 + 60 + 32]],
    [1500, [14 + 60 + 1420, 14 + 60 + 112]],
    [2820, [14 + 60 + 1420, 14 + 60 + 1420]],
    [2821, [14 + 60 + 1420, 14 + 60 + 1420, 14 + 60 + 32]],
  ])('an inner packet of %i bytes becomes frames of %j', (inner, expected) => {
    expect(lengths({}, inner)).toEqual(expected);
  });

  test('takes another MTU, whose fragments carry multiples of 8 bytes', () => {
    // 1280 - 20 = 1260, so 1256 bytes of payload; 1281 - 20 - 1256 = 5 are left for the second.
    expect(lengths({ mtu: 1280 }, 1281)).toEqual([14 + 60 + 1280, 14 + 60 + 32]);
    expect(lengths({ mtu: 1280 }, 1280)).toEqual([14 + 60 + 1280]);
  });
});

describe('openvpn', () => {
  // Ethernet 14, IPv4 20, UDP 8, opcode and peer 4, packet id 4, tag 16.
  test.each([
    [40, [14 + 52 + 40]],
    [41, [14 + 52 + 41]],
    [1440, [14 + 1492]],
    [1500, [14 + 52 + 20 + 1416, 14 + 52 + 20 + 64]],
  ])('an inner packet of %i bytes becomes frames of %j', (inner, expected) => {
    expect(lengths({ tunnel: 'openvpn' }, inner)).toEqual(expected);
  });
});

test('accounts for the whole of the original frame, its own header in the first fragment', () => {
  const defended = through({}, 1500);
  expect(carriedBy(defended, 0)).toEqual([[0, 14 + 20 + 1400]]);
  expect(carriedBy(defended, 1)).toEqual([[0, 80]]);
});

test('shows one flow with constant port and protocol, and keeps time, direction and device', () => {
  const wireguard = through({}, 1500).trace;
  expect([...wireguard.port]).toEqual([51820, 51820]);
  expect([...wireguard.protocols]).toEqual([Protocol.IP | Protocol.UDP, Protocol.IP | Protocol.UDP]);
  expect([...wireguard.time, ...wireguard.direction, ...wireguard.device]).toEqual([1, 1, 1, 1, 1, 1]);
  expect([...through({ tunnel: 'openvpn' }, 40).trace.port]).toEqual([1194]);
});

test('lets no frame through that has no IP', () => {
  const arp = makeTrace([{ time: 1, length: 60, protocols: Protocol.OTHER }]);
  const parameters = resolveParameters(tunnelParameters, {}, 'defense vpn');
  const defended = shape(arp, tunnelDefense, parameters, { rng: createRng(1) });
  expect([defended.trace.packets, defended.dropped]).toEqual([0, 1]);
});

test('refuses an MTU that no host need take', () => {
  expect(() => resolveParameters(tunnelParameters, { mtu: 575 }, 'defense vpn')).toThrow(
    'defense vpn: mtu: expected 0 or at least 576, found 575',
  );
});

describe('clamp', () => {
  const parameters = resolveParameters(tunnelParameters, { clamp: true }, 'defense vpn');
  const clamped = (packets: Packet[]) => shape(makeTrace(packets), tunnelDefense, parameters, { rng: createRng(1) });
  const FULL = 14 + 60 + 1420;
  /** The frame around a segment with so much of the stream. */
  const segment = (stream: number) => 14 + 60 + 16 * Math.ceil((40 + stream) / 16);

  test('cuts a TCP stream anew, what one segment cannot take going into the next', () => {
    // 3 * 1460 + 500 bytes of a stream are 3 * 1380 + 740.
    const full = [0, 0.001, 0.002].map((time) => ({ time, length: 14 + 1500 }));
    const { trace } = clamped([...full, { time: 0.003, length: 14 + 40 + 500 }]);
    expect([...trace.length]).toEqual([FULL, FULL, FULL, segment(740)]);
    expect([...trace.time]).toEqual([0, 0.001, 0.002, 0.003]);
  });

  test('sends the rest alone where nothing follows in 50 ms', () => {
    const defended = clamped([
      { time: 1, length: 14 + 1500 },
      { time: 1.2, length: 14 + 1500 },
    ]);
    expect([...defended.trace.length]).toEqual([FULL, segment(80), FULL, segment(80)]);
    expect([...defended.trace.time]).toEqual([1, 1.05, 1.2, 1.2]); // The input has ended, nothing is waited for.
    expect(carriedBy(defended, 0)).toEqual([[0, 14 + 40 + 1380]]);
    expect(carriedBy(defended, 1)).toEqual([[0, 80]]);
  });

  test('keeps flows and directions apart, and what fits as it is', () => {
    const { trace } = clamped([
      { time: 0, length: 14 + 1500 },
      { time: 0.001, length: 14 + 1500, flow: 1 },
      { time: 0.002, length: 14 + 52, out: false },
      { time: 0.003, length: 14 + 52, flow: 1 },
    ]);
    expect([...trace.length]).toEqual([FULL, FULL, 14 + 60 + 64, segment(80 + 12), segment(80)]);
    expect([...trace.time]).toEqual([0, 0.001, 0.002, 0.003, 0.003]);
  });

  test('cuts a frame that a host was to segment into as many as its stream fills', () => {
    expect([...clamped([{ time: 0, length: 54 + 4 * 1380 }]).trace.length]).toEqual([FULL, FULL, FULL, FULL]);
  });

  test('leaves what is no TCP to be cut into fragments', () => {
    const udp = { time: 0, length: 14 + 1500, protocols: Protocol.IP | Protocol.UDP };
    expect([...clamped([udp]).trace.length]).toEqual([14 + 60 + 1420, 14 + 60 + 112]);
  });

  test('loses no byte, sends nothing that does not fit and keeps nothing longer than 50 ms', () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const {
          dropped,
          delivered,
          original,
          trace: sent,
        } = shape(trace, tunnelDefense, parameters, { rng: createRng(1) });
        expect(dropped).toBe(0);
        for (let i = 0; i < original.packets; i++) {
          expect(delivered[i]! - original.time[i]!).toBeGreaterThanOrEqual(0);
          expect(delivered[i]! - original.time[i]!).toBeLessThan(HOLD + 1e-6);
        }
        expect(Math.max(0, ...sent.length)).toBeLessThanOrEqual(FULL);
      }),
    );
  });
});
