import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  DEVICE,
  dnsQuery,
  ethernet,
  filler,
  GATEWAY,
  hex,
  ipv4,
  ipv6,
  pcap,
  readBytes,
  rowOf,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../../support/fixtures.js';

const path = join(temporaryFolder(), 'test.pcap');

interface Cut {
  readonly data: Uint8Array;
  readonly original: number;
}

/** Reads frames of one link type; each is whole, or the captured part of a longer one. */
async function dissect(link: number, ...frames: (Uint8Array | Cut)[]) {
  const records = frames.map((frame) => ('data' in frame ? frame : { data: frame, original: frame.length }));
  const { table, file } = await readBytes(path, pcap(records, { link }));
  expect(file.read).toBe(frames.length);
  return { rows: Array.from({ length: table.packets }, (_, i) => rowOf(table, i)), table, file };
}

async function reasonOf(link: number, frame: Uint8Array | Cut): Promise<string[]> {
  return Object.keys((await dissect(link, frame)).file.dropped);
}

const cutTo = (frame: Uint8Array, captured: number): Cut => ({
  data: frame.subarray(0, captured),
  original: frame.length,
});

const segment = tcp(50000, 443, tlsRecord(100));
const packet4 = ipv4(6, segment);
const packet6 = ipv6(6, segment);
const ends4 = { protocols: 'IP TCP TLS', ends: '10.0.0.2:50000 > 93.184.216.34:443', transport: 6 };
const ends6 = { protocols: 'IP TCP TLS', ends: '2001:db8::2:50000 > 2001:db8::3:443', transport: 6 };
const macs = `${DEVICE} > ${GATEWAY}`;

describe('link layers', () => {
  it('Ethernet: VLAN tags, nested too, count neither for the length nor for the header', async () => {
    const frames = [[], [0x8100], [0x88a8, 0x8100], [0x9100, 0x8100, 0x8100]].map((tags) =>
      ethernet(0x0800, packet4, { tags }),
    );
    const { rows, table } = await dissect(1, ...frames, ethernet(0x86dd, packet6, { tags: [0x8100] }));
    for (const row of rows.slice(0, 4)) expect(row).toEqual({ ...ends4, length: 154, macs, header: 14 });
    expect(rows[4]).toEqual({ ...ends6, length: 174, macs, header: 14 });
    expect(table.conversations.count).toBe(2);
  });

  it('Ethernet: PPPoE, SNAP and frames without IP', async () => {
    const { rows } = await dissect(
      1,
      ethernet(0x8864, Buffer.concat([hex('1100 0001 008e 0021'), packet4])),
      ethernet(8 + packet4.length, Buffer.concat([hex('aaaa03 000000 0800'), packet4])),
      ethernet(0x0806, Buffer.alloc(46)),
      ethernet(0x888e, Buffer.alloc(46)),
      ethernet(38, Buffer.concat([hex('424203'), Buffer.alloc(43)])),
      ethernet(0x8863, hex('1109 0000 0000')),
    );
    expect(rows[0]).toEqual({ ...ends4, length: 162, macs, header: 22 });
    expect(rows[1]).toMatchObject({ ...ends4, length: 162 });
    for (const row of rows.slice(2))
      expect(row).toMatchObject({ protocols: 'other', ends: ':0 > :0', transport: 0, macs });
  });

  it('Linux cooked, both versions: the sender’s address, and no other', async () => {
    const address = hex('02000000000a 0000');
    const v1 = (protocol: string) => Buffer.concat([hex('0000 0001 0006'), address, hex(protocol)]);
    const v2 = (protocol: string) => Buffer.concat([hex(protocol), hex('0000 00000002 0001 00 06'), address]);
    const one = await dissect(
      113,
      Buffer.concat([v1('0800'), packet4]),
      Buffer.concat([v1('8100 0007 0800'), packet4]),
      Buffer.concat([v1('0806'), Buffer.alloc(28)]),
      Buffer.concat([hex('0000 0338 0000 0000000000000000 0000'), Buffer.alloc(28)]),
    );
    expect(one.rows[0]).toEqual({ ...ends4, length: 156, macs: `${DEVICE} > `, header: 16 });
    expect(one.rows[1]).toEqual(one.rows[0]);
    expect(one.rows[2]).toMatchObject({ protocols: 'other', macs: `${DEVICE} > ` });
    expect(one.rows[3]).toMatchObject({ protocols: 'other', macs: ' > ' });
    const two = await dissect(
      276,
      Buffer.concat([v2('86dd'), packet6]),
      Buffer.concat([v2('8100'), hex('0007 86dd'), packet6]),
    );
    expect(two.rows[0]).toEqual({ ...ends6, length: 180, macs: `${DEVICE} > `, header: 20 });
    expect(two.rows[1]).toEqual(two.rows[0]);
  });

  it('raw IP, by whichever number', async () => {
    for (const link of [12, 14, 101]) {
      const { rows } = await dissect(link, packet4, packet6);
      expect(rows[0]).toEqual({ ...ends4, length: 140, macs: ' > ', header: 0 });
      expect(rows[1]).toEqual({ ...ends6, length: 160, macs: ' > ', header: 0 });
    }
    expect((await dissect(228, packet4)).rows[0]).toMatchObject(ends4);
    expect((await dissect(229, packet6)).rows[0]).toMatchObject(ends6);
    expect(await reasonOf(101, hex('00'))).toEqual(['malformed link header']);
    expect(await reasonOf(228, packet6)).toEqual(['malformed IP header']);
  });

  it('NULL and LOOP, with the address family in either byte order', async () => {
    for (const link of [0, 108]) {
      for (const family of ['02000000', '00000002']) {
        const { rows } = await dissect(link, Buffer.concat([hex(family), packet4]));
        expect(rows[0]).toEqual({ ...ends4, length: 144, macs: ' > ', header: 4 });
      }
      // NetBSD and OpenBSD, FreeBSD, macOS, Linux, Windows.
      for (const family of ['18000000', '0000001c', '1e000000', '0000000a', '17000000']) {
        const { rows } = await dissect(link, Buffer.concat([hex(family), packet6]));
        expect(rows[0]).toMatchObject(ends6);
      }
      expect((await dissect(link, hex('07000000 00'))).rows[0]).toMatchObject({ protocols: 'other' });
    }
  });

  it('PPP, with and without address field, compressed, in HDLC framing, with a direction', async () => {
    const cases: [number, string, Buffer, object][] = [
      [9, 'ff03 0021', packet4, ends4],
      [9, '0057', packet6, ends6],
      [9, '21', packet4, ends4],
      [50, 'ff03 0021', packet4, ends4],
      [50, '0f00 0800', packet4, ends4],
      [51, '1100 0001 008e 0021', packet4, ends4],
      [104, '0f00 86dd', packet6, ends6],
      [166, '0103 0021', packet4, ends4],
      [204, '00 ff03 0021', packet4, ends4],
      [204, '01 0021', packet4, ends4],
    ];
    for (const [link, header, packet, expected] of cases) {
      const { rows } = await dissect(link, Buffer.concat([hex(header), packet]));
      expect(rows[0]).toMatchObject({ ...expected, header: hex(header).length });
    }
    expect((await dissect(9, hex('ff03 c021 0101'))).rows[0]).toMatchObject({ protocols: 'other' });
  });
});

describe('IEEE 802.11', () => {
  const llc = hex('aaaa03 000000 0800');
  const [device, gateway, station] = [hex('02000000000a'), hex('020000000001'), hex('02000000000b')];
  /** Frame control, then duration, three addresses, sequence control, what else the header holds, LLC and packet. */
  const wlan = (control: string, addresses: Buffer[], more = '') =>
    Buffer.concat([
      hex(control),
      hex('0000'),
      ...addresses.slice(0, 3),
      hex('0000'),
      ...addresses.slice(3),
      hex(more),
      llc,
      packet4,
    ]);

  it('takes the addresses by the way to or from the distribution system', async () => {
    const { rows } = await dissect(
      105,
      wlan('0800', [gateway, device, station]),
      wlan('0801', [station, device, gateway]),
      wlan('0802', [gateway, station, device]),
      wlan('0803', [station, station, gateway, device]),
      wlan('8801', [station, device, gateway], '0000'),
      wlan('8881', [station, device, gateway], '0000 00000000'),
    );
    for (const row of rows) expect(row).toMatchObject({ ...ends4, macs });
    expect(rows.map((row) => row.length)).toEqual([172, 172, 172, 178, 174, 178]);
    // A conversation has one header length, that of its first frame.
    expect(rows[0]!.header).toBe(32);
  });

  it('leaves out, each with its reason, what holds no packet in the clear', async () => {
    const addresses = [station, device, gateway];
    const cases: [Buffer, string][] = [
      [wlan('8000', addresses), '802.11 management frame'],
      [wlan('d400', addresses), '802.11 control frame'],
      [wlan('4801', addresses), '802.11 frame without data'],
      [wlan('0805', addresses), '802.11 fragment'],
      [wlan('8801', addresses, '8000'), '802.11 aggregate (A-MSDU)'],
      [wlan('0901', addresses), 'malformed link header'],
    ];
    for (const [frame, reason] of cases) expect(await reasonOf(105, frame)).toEqual([reason]);
  });

  it('with metadata in front: neither that nor the frame check sequence counts', async () => {
    const frame = wlan('8801', [station, device, gateway], '0000');
    const padded = wlan('8801', [station, device, gateway], '0000 0000');
    const checked = Buffer.concat([frame, Buffer.alloc(4)]);
    const avs = Buffer.concat([hex('80211001 00000040'), Buffer.alloc(56)]);
    const cases: [number, Buffer, Buffer][] = [
      [127, hex('0000 0800 00000000'), frame],
      // Flags only; flags after the clock; flags after a second word of present fields.
      [127, hex('0000 0900 02000000 10'), checked],
      [127, hex('0000 1100 03000000 0000000000000000 10'), checked],
      [127, hex('0000 0d00 02000080 00000000 10'), checked],
      [127, hex('0000 0900 02000000 20'), padded],
      [192, hex('0000 0800 69000000'), frame],
      [192, hex('0000 2000 69000000 0200 1400 0000000000000000 0100 000000000000000000 00'), checked],
      [119, Buffer.concat([hex('44000000 90000000'), Buffer.alloc(136)]), frame],
      [119, avs, frame],
      [163, avs, frame],
    ];
    for (const [link, metadata, body] of cases) {
      const { rows } = await dissect(link, Buffer.concat([metadata, body]));
      expect(rows[0]).toMatchObject({ ...ends4, macs, length: 174, header: 34 });
    }
    expect(await reasonOf(127, Buffer.concat([hex('0000 0900 02000000 40'), frame]))).toEqual([
      '802.11 frame damaged on the air',
    ]);
    expect(await reasonOf(192, hex('0000 0800 01000000 00'))).toEqual(['link type inside PPI not supported']);
  });
});

describe('IP', () => {
  it('options and extension headers are passed over', async () => {
    const extended = Buffer.concat([
      hex('2b00 000000000000 3c00 000000000000 0601 0000 000000000000 00000000 0000'),
      segment,
    ]);
    const { rows } = await dissect(101, ipv4(6, segment, { options: Buffer.alloc(12) }), ipv6(0, extended));
    expect(rows[0]).toMatchObject({ ...ends4, length: 152 });
    expect(rows[1]).toMatchObject({ ...ends6, length: 192 });
  });

  it('other transports than TCP and UDP have no ports', async () => {
    const { rows } = await dissect(101, ipv4(1, Buffer.alloc(8)), ipv6(58, Buffer.alloc(8)), ipv4(47, filler(30)));
    expect(rows.map((row) => row.protocols)).toEqual(['IP other', 'IP other', 'IP other']);
    expect(rows.map((row) => row.transport)).toEqual([1, 58, 47]);
    expect(rows[0]!.ends).toBe('10.0.0.2:0 > 93.184.216.34:0');
  });

  it('later fragments go with the first one, and into a conversation without ports where that was not seen', async () => {
    const first = udp(5000, 53, Buffer.concat([dnsQuery, filler(19)]));
    const { rows, table } = await dissect(
      101,
      ipv4(17, first, { id: 9, fragment: 0x2000 }),
      ipv4(17, filler(40), { id: 9, fragment: 7 }),
      ipv4(17, filler(40), { id: 8, fragment: 7 }),
      ipv6(44, Buffer.concat([hex('1100 0001 00000009'), first])),
      ipv6(44, Buffer.concat([hex('1100 0038 00000009'), filler(40)])),
      ipv6(44, Buffer.concat([hex('1100 0038 00000008'), filler(40)])),
      // Whole, though it has a fragment header.
      ipv6(44, Buffer.concat([hex('1100 0000 00000007'), first])),
    );
    const fragments4 = { protocols: 'IP UDP DNS', ends: '10.0.0.2:5000 > 93.184.216.34:53' };
    const fragments6 = { protocols: 'IP UDP DNS', ends: '2001:db8::2:5000 > 2001:db8::3:53' };
    expect(rows[0]).toMatchObject(fragments4);
    expect(rows[1]).toMatchObject(fragments4);
    expect(rows[2]).toMatchObject({ protocols: 'IP UDP', ends: '10.0.0.2:0 > 93.184.216.34:0' });
    expect(rows[3]).toMatchObject(fragments6);
    expect(rows[4]).toMatchObject(fragments6);
    expect(rows[5]).toMatchObject({ protocols: 'IP UDP', ends: '2001:db8::2:0 > 2001:db8::3:0' });
    expect(rows[6]).toMatchObject(fragments6);
    expect(table.conversations.count).toBe(4);
  });

  it('what is cut or malformed inside the headers is left out under its reason', async () => {
    const frame = ethernet(0x0800, packet4);
    expect(await reasonOf(1, cutTo(frame, 13))).toEqual(['cut inside the link header']);
    expect(await reasonOf(1, cutTo(frame, 33))).toEqual(['cut inside the IP header']);
    expect(await reasonOf(1, cutTo(frame, 53))).toEqual(['cut inside the TCP or UDP header']);
    expect((await dissect(1, cutTo(frame, 54))).rows[0]).toMatchObject({ ...ends4, length: 154 });
    expect(await reasonOf(1, ethernet(0x0800, hex('35')))).toEqual(['cut inside the IP header']);
    expect(await reasonOf(1, ethernet(0x0800, packet6))).toEqual(['malformed IP header']);
    expect(await reasonOf(1, ethernet(0x86dd, packet4))).toEqual(['malformed IP header']);
    const shortTotal = Buffer.from(packet4);
    shortTotal.writeUInt16BE(19, 2);
    expect(await reasonOf(101, shortTotal)).toEqual(['malformed IP header']);
    expect(await reasonOf(101, ipv4(17, hex('0001')))).toEqual(['malformed TCP or UDP header']);
    expect(await reasonOf(101, ipv6(0, hex('06ff 000000000000')))).toEqual(['malformed TCP or UDP header']);
  });

  it('two ends make one conversation, whose side A sent first', async () => {
    const back = { from: '93.184.216.34', to: '10.0.0.2' };
    const { table, rows } = await dissect(
      1,
      ethernet(0x0800, ipv4(6, tcp(443, 50000), back), { from: GATEWAY, to: DEVICE }),
      ethernet(0x0800, ipv4(6, tcp(50000, 443))),
      ethernet(0x0800, ipv4(6, tcp(50000, 444))),
      ethernet(0x0800, ipv4(17, udp(50000, 443))),
      ethernet(0x0806, Buffer.alloc(46)),
      ethernet(0x0806, Buffer.alloc(46), { from: GATEWAY, to: DEVICE }),
    );
    expect([...table.conversation]).toEqual([0, 0, 1, 2, 3, 3]);
    expect([...table.reverse]).toEqual([0, 1, 0, 0, 0, 1]);
    expect(rows[1]!.ends).toBe('10.0.0.2:50000 > 93.184.216.34:443');
    expect(table.conversations.portA[0]).toBe(443);
    expect(table.macs).toEqual(['', GATEWAY, DEVICE]);
  });

  it('an end that talks to itself makes one conversation too, of one direction', async () => {
    const local = { from: '127.0.0.1', to: '127.0.0.1' };
    const self = ipv4(17, udp(5, 5), local);
    const { table } = await dissect(101, self, self, ipv4(17, udp(5, 6), local), ipv4(17, udp(6, 5), local), packet4);
    expect([...table.conversation]).toEqual([0, 0, 1, 1, 2]);
    expect([...table.reverse]).toEqual([0, 0, 0, 1, 0]);
    expect(table.conversations.count).toBe(3);
  });
});

describe('applications', () => {
  const client = (payload: Uint8Array, port = 9999) => ipv4(6, tcp(50000, port, payload));
  const protocolsOf = async (...packets: (Uint8Array | Cut)[]) =>
    (await dissect(101, ...packets)).rows.map((row) => row.protocols);

  it('TLS is known by its records, on any port, and goes on to the end of the conversation', async () => {
    const reply = ipv4(6, tcp(9999, 50000, filler(50)), { from: '93.184.216.34', to: '10.0.0.2' });
    expect(
      await protocolsOf(client(filler(50)), client(tlsRecord(50)), client(filler(50)), reply, client(Buffer.alloc(0))),
    ).toEqual(['IP TCP', 'IP TCP TLS', 'IP TCP TLS', 'IP TCP TLS', 'IP TCP']);
    // Version 2, length 0, a length no record has; a first hello in the format of SSL 2.
    const others = ['1702030010', '1703030000', '170303ffff', '802e01030100'].map((start) =>
      client(Buffer.concat([hex(start), filler(42)]), 1000 + (Number.parseInt(start.slice(6), 16) % 1000)),
    );
    expect(await protocolsOf(...others)).toEqual(['IP TCP', 'IP TCP', 'IP TCP', 'IP TCP TLS']);
  });

  it('HTTP is known by its request and status lines; a tunnel opened through it becomes TLS', async () => {
    const lines = [
      'GET / HTTP/1.1\r\nHost: a\r\n',
      'HTTP/1.1 200 OK\r\n',
      'M-SEARCH * HTTP/1.1\r\n',
      'UNSUBSCRIBE /a HTTP/1.0\r\n',
      'POST /a/path/that/goes/on',
      'OPTIONS rtsp://a/b RTSP/1.0\r\n',
      'NOTIFY sip:a SIP/2.0\r\n',
      'GETTING / HTTP/1.1\r\n',
      'HTTPS',
    ];
    const packets = lines.map((line, i) => client(Buffer.from(line), 2000 + i));
    const http = 'IP TCP HTTP';
    expect(await protocolsOf(...packets)).toEqual([
      http,
      http,
      http,
      http,
      http,
      'IP TCP',
      'IP TCP',
      'IP TCP',
      'IP TCP',
    ]);
    const tunnel = [client(Buffer.from('CONNECT a:443 HTTP/1.1\r\n')), client(filler(9)), client(tlsRecord(60))];
    expect(await protocolsOf(...tunnel)).toEqual([http, http, 'IP TCP TLS']);
  });

  it('DNS is known by a message that holds together, over UDP and TCP, mDNS too', async () => {
    const answer = hex('0000 8400 0000 0001 0000 0000 05 5f68747470 05 6c6f63616c 00 000c 8001 00000078 0002 c00c');
    const datagram = (payload: Uint8Array, port: number) => ipv4(17, udp(5000, port, payload));
    const inStream = Buffer.concat([hex('001d'), dnsQuery]);
    const broken = Buffer.from(dnsQuery);
    broken.writeUInt16BE(99, dnsQuery.length - 2);
    expect(
      await protocolsOf(
        datagram(dnsQuery, 53),
        datagram(answer, 5353),
        datagram(dnsQuery, 10053),
        client(inStream, 53),
        datagram(filler(40), 53),
        datagram(broken, 53),
        datagram(dnsQuery, 137),
        datagram(Buffer.alloc(48, 0x23), 123),
      ),
    ).toEqual(['IP UDP DNS', 'IP UDP DNS', 'IP UDP DNS', 'IP TCP DNS', 'IP UDP', 'IP UDP', 'IP UDP', 'IP UDP']);
  });

  it('what the capture cut off is judged by the conversation, else by the port', async () => {
    const headers = (port: number) => cutTo(client(filler(100), port), 40);
    expect(await protocolsOf(headers(443), headers(8883), headers(80), headers(53), headers(9999))).toEqual([
      'IP TCP TLS',
      'IP TCP TLS',
      'IP TCP HTTP',
      'IP TCP DNS',
      'IP TCP',
    ]);
    const acknowledgement = client(Buffer.alloc(0), 443);
    expect(await protocolsOf(acknowledgement, client(filler(9), 443))).toEqual(['IP TCP', 'IP TCP']);
    const http = client(Buffer.from('GET / HTTP/1.1\r\n'), 443);
    expect(await protocolsOf(http, headers(443))).toEqual(['IP TCP HTTP', 'IP TCP HTTP']);
    const datagram = cutTo(ipv4(17, udp(5353, 5353, filler(100))), 28);
    const quic = cutTo(ipv4(17, udp(50000, 443, filler(100))), 28);
    expect(await protocolsOf(datagram, quic)).toEqual(['IP UDP DNS', 'IP UDP']);
  });

  it('padding of a short Ethernet frame is no payload', async () => {
    const frame = ethernet(0x0800, Buffer.concat([ipv4(6, tcp(50000, 443)), hex('170303001000')]));
    expect((await dissect(1, frame)).rows[0]).toMatchObject({ protocols: 'IP TCP', length: 60 });
  });

  it('a total length of 0, as offloading cards write it, stands for the rest of the frame', async () => {
    const packet = Buffer.from(packet4);
    packet.writeUInt16BE(0, 2);
    expect(await protocolsOf(packet)).toEqual(['IP TCP TLS']);
  });
});
