import { describe, expect, test } from 'vitest';
import { headersEnd } from '../../src/live/capture/headers.js';
import { createDissector } from '../../src/trace/read/dissect.js';
import { linkOf } from '../../src/trace/read/links.js';
import { ethernet, filler, hex, ipv4, ipv6, tcp, udp } from '../support/fixtures.js';

function kept(frame: Uint8Array, { link = 1, original = frame.length } = {}): number {
  const dissector = createDissector();
  dissector.setLink(linkOf(link), 0);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return headersEnd(dissector.frame, dissector.read(view, 0, frame.length, original, 1000));
}

/** A TCP segment whose header has 12 bytes of options. */
const withOptions = (payload: Uint8Array) => {
  const segment = tcp(40000, 443, Buffer.concat([hex('0101080a 00000001 00000002'), payload]));
  segment[12] = 0x80;
  return segment;
};
/** A hop-by-hop header of 8 bytes in front of UDP. */
const hopByHop = (payload: Uint8Array) => Buffer.concat([hex('11 00 01 04 00000000'), payload]);

describe('headers of a frame, and none of what they carry', () => {
  // Lengths by hand: Ethernet 14, a VLAN tag 4, IPv4 20, IPv6 40, TCP 20, UDP 8.
  test.each<[string, Uint8Array, number]>([
    ['TCP', ethernet(0x0800, ipv4(6, tcp(40000, 443, filler(50)))), 54],
    ['TCP with options', ethernet(0x0800, ipv4(6, withOptions(filler(50)))), 66],
    ['UDP', ethernet(0x0800, ipv4(17, udp(5353, 53, filler(50)))), 42],
    ['tagged twice', ethernet(0x0800, ipv4(17, udp(1, 2, filler(9))), { tags: [0x88a8, 0x8100] }), 50],
    ['IPv4 options', ethernet(0x0800, ipv4(17, udp(1, 2, filler(9)), { options: hex('94040000') })), 46],
    ['IPv6', ethernet(0x86dd, ipv6(6, tcp(40000, 443, filler(50)))), 74],
    ['IPv6 extension', ethernet(0x86dd, ipv6(0, hopByHop(udp(1, 2, filler(50))))), 70],
    ['ICMP', ethernet(0x0800, ipv4(1, Buffer.concat([hex('08000000 00010001'), filler(48)]))), 42],
    ['another protocol', ethernet(0x0800, ipv4(47, filler(50))), 34],
    ['first fragment', ethernet(0x0800, ipv4(17, udp(1, 2, filler(40)), { fragment: 0x2000 })), 42],
    ['later fragment', ethernet(0x0800, ipv4(17, filler(48), { fragment: 0x0010 })), 34],
    ['no IP', ethernet(0x0806, filler(28)), 14],
    ['802.3 without IP', ethernet(0x0026, Buffer.concat([hex('424203'), filler(35)])), 14],
    ['IP version 7', ethernet(0x0800, filler(60)), 14],
    [
      'TCP header length of 8',
      ethernet(0x0800, ipv4(6, Buffer.concat([hex('00010002 00000000 00000000 20'), filler(40)]))),
      34,
    ],
  ])('%s', (_, frame, expected) => {
    expect(kept(frame)).toBe(expected);
  });

  test('padding of a short frame is no header', () => {
    const frame = Buffer.concat([ethernet(0x0800, ipv4(17, udp(1, 2))), filler(18)]);
    expect(kept(frame)).toBe(42);
  });

  test('of a packet that claims more header than it has, what it has', () => {
    const segment = tcp(1, 2);
    segment[12] = 0xf0;
    expect(kept(Buffer.concat([ethernet(0x0800, ipv4(6, segment)), filler(6)]))).toBe(54);
  });

  test('never more than was captured', () => {
    const frame = ethernet(0x0800, ipv4(6, withOptions(filler(50))));
    for (let captured = 0; captured <= frame.length; captured++) {
      expect(kept(frame.subarray(0, captured), { original: frame.length })).toBeLessThanOrEqual(Math.min(captured, 66));
    }
  });

  test('nothing of a link header that cannot be read', () => {
    expect(kept(hex('9f000000 00000000'), { link: 101 })).toBe(0);
  });
});
