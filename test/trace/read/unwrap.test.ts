import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTrace } from '../../../src/trace/load.js';
import { readCaptures } from '../../../src/trace/read/read.js';
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
  type Recorded,
  readBytes,
  rowOf,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../../support/fixtures.js';
import { needs, noProgram, noShared, sharedPath } from '../../support/needs.js';

const path = join(temporaryFolder(), 'test.pcap');

/** Reads frames of Ethernet, or of another link type. */
async function dissect(frames: readonly (Uint8Array | Recorded)[], link = 1) {
  const records = frames.map((frame) => ('data' in frame ? frame : { data: frame }));
  const { table, file } = await readBytes(path, pcap(records, { link }));
  return { rows: Array.from({ length: table.packets }, (_, i) => rowOf(table, i)), file, table };
}

const home = ipv4(6, tcp(50000, 443, tlsRecord(100)), { from: '192.168.1.10', to: '198.51.100.7' });
const ends = '192.168.1.10:50000 > 198.51.100.7:443';
const macs = `${DEVICE} > ${GATEWAY}`;
const plain = ethernet(0x0800, home);
/** Router and collector, which are not the home's devices. */
const outer = { from: '02:00:00:00:00:f0', to: '02:00:00:00:00:f1' };
const between = { from: '192.168.1.1', to: '192.168.1.50' };
const carried = (protocol: number, body: Uint8Array) => ethernet(0x0800, ipv4(protocol, body, between), outer);

describe('frames that were mirrored are read as they were', () => {
  const expected = { ends, macs, length: plain.length, header: 14, protocols: 'IP TCP TLS' };
  const tzsp = (head: string, frame: Uint8Array) => carried(17, udp(40000, 37008, Buffer.concat([hex(head), frame])));

  it('TZSP, whatever fields it has, and with other link types inside', async () => {
    const wlan = Buffer.concat([hex('0801 0000 02000000000f 02000000000a 020000000001 0000 aaaa03 000000 0800'), home]);
    const { rows } = await dissect([
      tzsp('01 00 0001 01', plain),
      tzsp('01 01 0001 0a 01 c0 00 0c 02 0102 01', plain),
      tzsp('01 00 0007 01', home),
      tzsp('01 00 0012 01', wlan),
      tzsp('01 00 0001 01', ethernet(0x0800, home, { tags: [0x8100] })),
    ]);
    expect(rows[0]).toMatchObject(expected);
    expect(rows[1]).toMatchObject(expected);
    expect(rows[2]).toMatchObject({ ends, macs: ' > ', length: home.length });
    expect(rows[3]).toMatchObject({ ends, macs, length: wlan.length });
    expect(rows[4]).toMatchObject(expected);
  });

  it('TZSP as a link type of its own', async () => {
    const { rows, file } = await dissect([Buffer.concat([hex('01 00 0001 01'), plain])], 128);
    expect(rows[0]).toMatchObject(expected);
    expect(file.links).toEqual({ tzsp: 1 });
  });

  it('a frame whose carrier was cut to its first fragment has its whole length', async () => {
    const whole = udp(40000, 37008, Buffer.concat([hex('01 00 0001 01'), ethernet(0x0800, home), filler(1400)]));
    const first = ethernet(0x0800, ipv4(17, whole.subarray(0, 400), { ...between, fragment: 0x2000 }), outer);
    const { rows } = await dissect([first]);
    expect(rows[0]).toMatchObject({ ends, macs, length: plain.length + 1400 });
  });

  it('ERSPAN of types I, II and III', async () => {
    const { rows } = await dissect([
      carried(47, Buffer.concat([hex('0000 88be'), plain])),
      carried(47, Buffer.concat([hex('1000 88be 00000001 1000000000000000'), plain])),
      carried(47, Buffer.concat([hex('1000 22eb 00000001 20000000 00000000 0000 0000'), plain])),
      carried(47, Buffer.concat([hex('1000 22eb 00000001 20000000 00000000 0000 0001 0000000000000000'), plain])),
    ]);
    for (const row of rows) expect(row).toMatchObject(expected);
  });

  it('Ethernet in GRE and VXLAN, where it is a home’s', async () => {
    const abroad = ethernet(0x0800, ipv4(17, udp(1, 2), { from: '198.51.100.1', to: '198.51.100.2' }));
    const gre = (frame: Uint8Array) => carried(47, Buffer.concat([hex('2000 6558 00000007'), frame]));
    const vxlan = (frame: Uint8Array) =>
      carried(17, udp(40000, 4789, Buffer.concat([hex('08000000 00000100'), frame])));
    const { rows } = await dissect([gre(plain), vxlan(plain), gre(abroad), vxlan(abroad)]);
    expect(rows[0]).toMatchObject(expected);
    expect(rows[1]).toMatchObject(expected);
    expect(rows[2]).toMatchObject({ ends: '192.168.1.1:0 > 192.168.1.50:0', length: gre(abroad).length });
    expect(rows[3]).toMatchObject({ ends: '192.168.1.1:40000 > 192.168.1.50:4789', length: vxlan(abroad).length });
  });

  it('what only looks like a mirror stays what it is', async () => {
    const datagrams = ['', '0100', '0100000101', '01040001', '02000001 01', '0100ffff 01', '01000001 0aff'].map(
      (bytes) => carried(17, udp(40000, 37008, hex(bytes))),
    );
    const { rows, file } = await dissect([...datagrams, tzsp('01 00 0001 01', filler(20))]);
    expect(file.kept).toBe(datagrams.length + 1);
    for (const row of rows.slice(0, -1)) expect(row.ends).toBe('192.168.1.1:40000 > 192.168.1.50:37008');
    // The filler is a frame too, of nobody.
    expect(rows.at(-1)).toMatchObject({ ends: ':0 > :0', length: 20 });
  });
});

describe('tunnels that the home’s packets cross', () => {
  const dsLite = ethernet(0x86dd, ipv6(4, home), outer);

  it('IPv4 in IPv6 (DS-Lite), IPv6 in IPv4 (6in4, 6rd), IP in IP: ends of the inner packet, length of the frame', async () => {
    const frames = [
      dsLite,
      ethernet(0x86dd, ipv6(60, Buffer.concat([hex('04 00 0401040100 00'), home])), outer),
      carried(41, ipv6(6, tcp(50000, 443, tlsRecord(100)))),
      carried(4, home),
      ethernet(0x86dd, ipv6(41, ipv6(17, udp(5000, 53, dnsQuery), { from: 'fd00'.padEnd(32, '0') })), outer),
      carried(47, Buffer.concat([hex('0000 0800'), home])),
      carried(47, Buffer.concat([hex('b000 0800 00000000 00000001 00000002'), home])),
    ];
    const { rows } = await dissect(frames);
    expect(rows[0]).toMatchObject({ ends, length: 14 + 40 + home.length, header: 54, protocols: 'IP TCP TLS' });
    expect(rows[1]).toMatchObject({ ends, length: 14 + 48 + home.length });
    expect(rows[2]).toMatchObject({ ends: '2001:db8::2:50000 > 2001:db8::3:443', length: frames[2]!.length });
    expect(rows[3]).toMatchObject({ ends, length: frames[3]!.length });
    expect(rows[4]).toMatchObject({ ends: 'fd00:::5000 > 2001:db8::3:53', protocols: 'IP UDP DNS' });
    expect(rows[5]!.ends).toBe(ends);
    expect(rows[6]!.ends).toBe(ends);
    for (const [i, header] of [14 + 48, 34, 38, 50].entries()) {
      const { rows } = await dissect([frames[[1, 3, 5, 6][i]!]!]);
      expect(rows[0]!.header).toBe(header);
    }
  });

  it('behind PPPoE and VLAN tags, and cut to the headers', async () => {
    const pppoe = Buffer.concat([hex('1100 0001 00d6 0057'), ipv6(4, home)]);
    const frame = ethernet(0x8864, pppoe, { ...outer, tags: [0x8100] });
    const { rows } = await dissect([frame, { data: dsLite.subarray(0, 96), original: dsLite.length }]);
    expect(rows[0]).toMatchObject({ ends, length: frame.length - 4 });
    expect(rows[1]).toMatchObject({ ends, length: dsLite.length });
  });

  it('what cannot be read inside stays what it is outside', async () => {
    const cut = { data: dsLite.subarray(0, 14 + 40 + 30), original: dsLite.length };
    const { rows, file } = await dissect([cut, carried(4, filler(60)), carried(47, hex('0000')), carried(41, home)]);
    expect(file.dropped).toEqual({});
    expect(rows.map((row) => row.transport)).toEqual([4, 4, 47, 41]);
    expect(rows[0]!.ends).toBe('2001:db8::2:0 > 2001:db8::3:0');
  });

  it('a carrier inside a carrier, without end', async () => {
    let packet: Uint8Array = home;
    for (let depth = 0; depth < 20; depth++) packet = ipv4(4, packet, between);
    const { rows } = await dissect([ethernet(0x0800, ipv4(41, ipv6(4, home))), ethernet(0x0800, packet)]);
    expect(rows[0]!.ends).toBe(ends);
    expect(rows[1]!.transport).toBe(4);
  });

  it('IPv4 that was translated into IPv6 (464XLAT), behind prefixes of 96 and of 64 bits', async () => {
    const segment = tcp(50000, 443, tlsRecord(100));
    const long = { from: '20010db8 c1a70464 00000000 c0a8010a', to: '0064ff9b 00000000 00000000 c6336407' };
    const short = { from: '20010db8 c1a70464 00c0a801 0a000000', to: '20010db8 00000064 00c63364 07000000' };
    const frames = [long, short].flatMap(({ from, to }) => [
      ethernet(0x86dd, ipv6(6, segment, { from, to })),
      ethernet(0x86dd, ipv6(6, tcp(443, 50000), { from: to, to: from })),
    ]);
    const { rows, table } = await dissect(frames);
    for (const i of [0, 2])
      expect(rows[i]).toMatchObject({ ends, length: 14 + 40 + segment.length, protocols: 'IP TCP TLS' });
    expect(rows[1]!.ends).toBe('198.51.100.7:443 > 192.168.1.10:50000');
    expect(table.conversations.count).toBe(1);
  });

  it('addresses that only look translated stay', async () => {
    const cases = [
      // A random address of a phone; a server whose address holds one; a home's own numbering; both private; both public.
      ['20010db8 00000001 9c3de0ff c0a8010a', '0064ff9b 00000000 00000000 c6336407'],
      ['20010db8 00000001 00000000 00000002', '26064700 00000000 00000000 681084e5'],
      ['fd000000 00000000 00000000 c0a8010a', '26064700 00000000 00000000 681084e5'],
      ['20010db8 00000001 00000000 c0a8010a', '20010db8 00000001 00000000 c0a8010b'],
      ['20010db8 00000001 00000000 c6336407', '26064700 00000000 00000000 681084e5'],
    ] as const;
    const { rows } = await dissect(cases.map(([from, to]) => ethernet(0x86dd, ipv6(17, udp(5000, 53), { from, to }))));
    for (const row of rows) expect(row.ends).toMatch(/^(2001:db8|fd00):/);
  });
});

describe('what was never on the wire', () => {
  const trailer = hex('01072021 0000278b 4578616d706c6520417070000000000000000000 12345678');
  const zeros = { from: '00:00:00:00:00:00', to: '00:00:00:00:00:00' };
  const phone = ethernet(0x0800, home, zeros);

  it('MAC addresses of zeros are none', async () => {
    const { rows, table } = await dissect([
      phone,
      ethernet(0x0800, home, { from: zeros.from }),
      ethernet(0x0800, home, { to: zeros.to }),
    ]);
    expect(rows.map((row) => row.macs)).toEqual([' > ', ` > ${GATEWAY}`, `${DEVICE} > `]);
    expect(table.macs).not.toContain(zeros.to);
  });

  it('PCAPdroid’s trailer, behind up to three bytes of padding, whole and where the packet is cut', async () => {
    const padded = Buffer.concat([phone, Buffer.alloc(3), trailer]);
    const v6 = ethernet(0x86dd, ipv6(17, udp(5000, 53, dnsQuery)), zeros);
    const { rows } = await dissect([
      Buffer.concat([phone, trailer]),
      padded,
      { data: Buffer.concat([phone.subarray(0, 64), trailer]), original: padded.length },
      Buffer.concat([v6, Buffer.alloc(1), trailer]),
      phone,
    ]);
    for (const i of [0, 1, 2, 4]) expect(rows[i]).toMatchObject({ ends, length: phone.length });
    expect(rows[3]).toMatchObject({ length: v6.length, protocols: 'IP UDP DNS' });
  });

  it('Apple’s PKTAP, under both numbers, with Ethernet, raw IP and others inside', async () => {
    const head = (link: number, kind = 1) => {
      const bytes = Buffer.alloc(108);
      bytes.writeUInt32LE(108, 0);
      bytes.writeUInt32LE(kind, 4);
      bytes.writeUInt32LE(link, 8);
      return bytes;
    };
    const frames = [
      Buffer.concat([head(1), plain]),
      Buffer.concat([head(12), home]),
      Buffer.concat([head(0), hex('02000000'), home]),
    ];
    for (const link of [149, 258]) {
      const { rows, file } = await dissect(frames, link);
      expect(rows[0]).toMatchObject({ ends, macs, length: plain.length, header: 14 });
      expect(rows[1]).toMatchObject({ ends, macs: ' > ', length: home.length });
      expect(rows[2]).toMatchObject({ ends, macs: ' > ', length: home.length + 4 });
      expect(file.links).toEqual({ pktap: 3 });
    }
    const bad = await dissect(
      [head(1).subarray(0, 50), head(1, 0), Buffer.concat([head(195), plain]), hex('00'.repeat(20))],
      258,
    );
    expect(bad.file.dropped).toEqual({
      'malformed link header': 2,
      'PKTAP record without a packet': 1,
      'link type not supported: LINKTYPE_IEEE802_15_4_WITHFCS': 1,
    });
  });

  it('tags for the switch inside a router', async () => {
    const inserted = (tag: string) => Buffer.concat([plain.subarray(0, 12), hex(tag), plain.subarray(12)]);
    const cases: [number, Uint8Array, string][] = [
      [281, inserted('20000001'), 'dsa-tag-brcm'],
      [282, Buffer.concat([hex('20000001'), plain]), 'dsa-tag-brcm-prepend'],
      [284, inserted('c0080001'), 'dsa-tag-dsa'],
      [285, inserted('dada0000c0080001'), 'dsa-tag-edsa'],
    ];
    for (const [link, frame, name] of cases) {
      const { rows, file } = await dissect([frame], link);
      expect(rows[0]).toMatchObject({ ends, macs, length: plain.length, header: 14 });
      expect(file.links).toEqual({ [name]: 1 });
    }
  });

  it('NFLOG’s fields, in either byte order', async () => {
    const little = Buffer.concat([
      hex('02 00 0005  0800 0100 08000300  0500 0a00 61000000'),
      Buffer.from([home.length + 4, 0, 9, 0]),
      home,
    ]);
    const big = Buffer.concat([hex('02 00 0005  0008 0001 08000300'), Buffer.from([0, home.length + 4, 0, 9]), home]);
    const { rows } = await dissect([little, big], 239);
    for (const row of rows) expect(row).toMatchObject({ ends, length: home.length, header: 0 });
  });

  it('a link type that is not read has tcpdump’s name', async () => {
    const names = async (link: number) => Object.keys((await dissect([plain], link)).file.links)[0];
    expect(await names(189)).toBe('LINKTYPE_USB_LINUX');
    expect(await names(148)).toBe('LINKTYPE_USER1');
    expect(await names(301)).toBe('LINKTYPE_DECT_NR');
    expect(await names(99999)).toBe('link type 99999');
  });
});

describe('where no device is found', () => {
  it.each([
    ['CAPWAP', carried(17, udp(12222, 5247, filler(100)))],
    ['WireGuard', carried(17, udp(51820, 51820, filler(100)))],
    ['IPsec', carried(50, filler(100))],
    ['GRE', carried(47, Buffer.concat([hex('3081 880b 0064 0001 00000001 00000001'), filler(90)]))],
  ])('the message names what the packets carry: %s', async (name, frame) => {
    writeFileSync(path, pcap([{ data: frame }]));
    const labels = `${path}.csv`;
    writeFileSync(labels, 'mac,device,category\n02:00:00:00:00:77,plug,iot\n');
    await expect(loadTrace([path], labels)).rejects.toThrow(
      `; 1 of them are ${name}, and what these carry cannot be read`,
    );
  });
});

describe('captures that people had', () => {
  const load = (folder: string, file: string) =>
    loadTrace([sharedPath(`cases/${folder}/${file}`)], sharedPath(`cases/${folder}/labels.csv`));
  const counts = async (folder: string, file: string) =>
    (await load(folder, file)).coverage.devices.map(({ name, outbound, inbound }) => `${name} ${outbound}/${inbound}`);

  needs(noShared('cases/14-zero-mac-no-host')).test(
    'PCAPdroid: hosts by address, the same bytes with its trailer and without',
    async () => {
      const folder = '14-zero-mac-no-host';
      const { trace } = await loadTrace([sharedPath(`cases/${folder}/phone.pcap`)], null);
      expect(trace.devices.map((device) => device.name)).toEqual(['192.168.1.10']);
      const whole = await load(folder, 'phone.pcap');
      const withTrailer = await load(folder, 'phone-with-trailer.pcap');
      expect([...withTrailer.trace.length]).toEqual([...whole.trace.length]);
      expect(await counts(folder, 'phone-with-trailer.pcap')).toEqual(['Phone 30/30']);
    },
  );

  needs(noShared('cases/16-tzsp-mikrotik')).test('MikroTik’s TZSP', async () => {
    expect(await counts('16-tzsp-mikrotik', 'tzsp.pcap')).toEqual(['Camera 10/10', 'Plug 10/10']);
  });

  needs(noShared('cases/17-pktap-ios')).test('an iPhone’s PKTAP', async () => {
    const { report } = await readCaptures([sharedPath('cases/17-pktap-ios/rvi.pcap')]);
    expect(report).toMatchObject({ read: 20, kept: 20, dropped: {} });
  });

  needs(noShared('cases/18-ds-lite-wan')).test('DS-Lite', async () => {
    expect(await counts('18-ds-lite-wan', 'wan.pcap')).toEqual(['Camera 10/10', 'Plug 10/10']);
  });

  const corpus = sharedPath('data/corpus');
  needs(noProgram('tshark'), noShared('data/corpus')).test(
    'of tunnels and mirrors have the innermost addresses that tshark finds',
    async () => {
      const files = [
        'ndpi/6in4tunnel.pcap',
        'tcpdump/LINKTYPE_USER2_PKTAP.pcap',
        'tcpdump/erspan-type-i-2.pcap',
        'tcpdump/erspan-type-iii-ft-0.pcap',
        'tcpdump/gso-ipv6-vxlan-ipv4.pcap',
      ];
      for (const file of files) {
        const { table } = await readCaptures([`${corpus}/${file}`]);
        const fields = ['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'frame.protocols'];
        const { stdout } = spawnSync(
          'tshark',
          ['-n', '-r', `${corpus}/${file}`, '-T', 'fields', ...fields.flatMap((one) => ['-e', one])],
          { encoding: 'utf8' },
        );
        const lines = stdout.trimEnd().split('\n');
        expect([file, table.packets]).toEqual([file, lines.length]);
        for (const [i, line] of lines.entries()) {
          const [from4, to4, from6, to6, protocols] = line.split('\t').map((all) => all.split(',')) as string[][];
          // ICMP quotes a packet that is not inside.
          const layers = protocols![0]!.replace(/:icmp(v6)?:.*/, '').split(':');
          const isIpv6 = layers.lastIndexOf('ipv6') > layers.lastIndexOf('ip');
          const last = layers.filter((layer) => layer === (isIpv6 ? 'ipv6' : 'ip')).length - 1;
          const row = rowOf(table, i).ends.replaceAll(/:\d+( >|$)/g, '$1');
          expect([file, i, row]).toEqual([
            file,
            i,
            isIpv6 ? `${from6![last]} > ${to6![last]}` : `${from4![last]} > ${to4![last]}`,
          ]);
        }
      }
    },
    120_000,
  );
});
