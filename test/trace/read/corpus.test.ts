import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { FileReport, PacketTable } from '../../../src/trace/packets.js';
import { expandPaths, readCaptures } from '../../../src/trace/read/read.js';
import { rowOf } from '../../support/fixtures.js';
import { needs, noProgram, noShared, sharedPath } from '../../support/needs.js';

/** Real captures, which are not part of this repository. */
const data = sharedPath('data/');
const corpus = `${data}corpus`;

function expectAccounted(file: FileReport): void {
  const dropped = Object.values(file.dropped).reduce((sum, count) => sum + count, 0);
  expect(file.kept + dropped, file.path).toBe(file.read);
  const linked = Object.values(file.links).reduce((sum, count) => sum + count, 0);
  expect(linked + (file.dropped['damaged packet block'] ?? 0), file.path).toBe(file.read);
}

needs(noShared('data/corpus')).describe('a corpus of test captures', () => {
  it('gets a clear answer for every file: packets, all accounted for, or one line', async () => {
    const { table, report } = await readCaptures([corpus]);
    expect(report.files.length).toBeGreaterThan(500);
    for (const file of report.files) {
      expectAccounted(file);
      if (file.format === null) expect(file.problems).toHaveLength(1);
      for (const problem of file.problems) {
        expect(problem.startsWith(`${file.path}: `)).toBe(true);
        expect(problem).toMatch(/expected .+, found .+/);
      }
    }
    expect(table.packets).toBe(report.kept);
  });

  needs(noProgram('capinfos')).test(
    'has as many packets as capinfos counts, wherever that reads the file',
    async () => {
      const { report } = await readCaptures([corpus]);
      // Machine-readable table without header; a file that it cannot read to the end has no line.
      const paths = report.files.map((file) => file.path);
      const { stdout } = spawnSync('capinfos', ['-c', '-M', '-T', '-r', ...paths], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      const counts = new Map(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split('\t') as [string, string]),
      );
      const compared = report.files.filter((file) => counts.has(file.path));
      expect(compared.length).toBeGreaterThan(500);
      for (const { path, read } of compared) expect([path, read]).toEqual([path, Number(counts.get(path))]);
    },
  );
});

const FIELDS = [
  'frame.time_epoch',
  'frame.len',
  'frame.cap_len',
  'frame.protocols',
  'eth.src',
  'eth.dst',
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'tcp.srcport',
  'tcp.dstport',
  'udp.srcport',
  'udp.dstport',
];

/** Dissects the first `count` packets with tshark, each as far as possible by itself. */
function tsharkRows(path: string, count: number): Record<string, string>[] {
  const settings = ['ip.defragment:FALSE', 'ipv6.defragment:FALSE', 'tcp.desegment_tcp_streams:FALSE'];
  const options = [...settings.flatMap((setting) => ['-o', setting]), ...FIELDS.flatMap((field) => ['-e', field])];
  const { stdout } = spawnSync(
    'tshark',
    ['-n', '-r', path, '-c', String(count), '-T', 'fields', '-E', 'occurrence=f', ...options],
    { encoding: 'utf8', maxBuffer: 1e9 },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Object.fromEntries(line.split('\t').map((value, i) => [FIELDS[i]!, value])));
}

/** The fields of one packet in the words of {@link rowOf}; the applications only where all of it was captured. */
function expectedRow(fields: Record<string, string>) {
  const layers = fields['frame.protocols']!.split(':');
  const tags = layers.filter((layer) => layer === 'vlan' || layer === 'ieee8021ad').length;
  const [source, destination] = layers.includes('ip')
    ? [fields['ip.src'], fields['ip.dst']]
    : [fields['ipv6.src'], fields['ipv6.dst']];
  // ICMP quotes the packet it is about.
  const carried = layers.find((layer) => ['tcp', 'udp', 'icmp', 'icmpv6'].includes(layer));
  const transport = carried?.startsWith('icmp') ? undefined : carried;
  const port = (side: string) => (transport ? fields[`${transport}.${side}port`] : '0');
  return {
    length: Number(fields['frame.len']) - 4 * tags,
    macs: `${fields['eth.src']} > ${fields['eth.dst']}`,
    ends: `${source}:${port('src')} > ${destination}:${port('dst')}`,
    protocols: protocolsOf(layers, transport),
  };
}

function protocolsOf(layers: string[], transport: string | undefined): string {
  const names = layers.includes('ip') || layers.includes('ipv6') ? ['IP'] : [];
  names.push(transport ? transport.toUpperCase() : 'other');
  if (layers.includes('tls')) names.push('TLS');
  if (layers.includes('http')) names.push('HTTP');
  if (layers.includes('dns') || layers.includes('mdns')) names.push('DNS');
  return names.join(' ');
}

const COMPARED = [
  // Ethernet: TCP, TLS, MQTT, DNS; IPv6; VLAN tags, nested; fragments.
  'corpus/ndpi/fix.pcap',
  'corpus/ndpi/coap_mqtt.pcap',
  'corpus/ndpi/nest_log_sink.pcap',
  'corpus/ndpi/vk.pcapng',
  'corpus/tcpdump/802.1ad_QinQ.pcap',
  // Linux cooked, NULL, raw IP.
  'corpus/ndpi/tls_heur__vmess-tcp.pcapng',
  'corpus/ndpi/openwire.pcapng',
  'corpus/ndpi/selfsigned.pcap',
  'corpus/ndpi/ocs.pcap',
  'corpus/tcpdump/LINKTYPE_IPV4.pcap',
  'corpus/tcpdump/LINKTYPE_IPV6.pcap',
  // Homes: cut to the headers, tagged; nanoseconds; whole.
  'tjoconnor/sifely-hub-01.pcap',
  'madea-may/training_2023-5-26_4_59_19.cap',
  'iot-sentinel/HueBridge',
];

needs(noShared('data/corpus'), noProgram('tshark')).describe('tshark agrees', () => {
  it.each(COMPARED)('on lengths, times, addresses, ports and protocols of %s', async (name) => {
    const [path] = (await expandPaths([data + name])) as [string];
    const { table } = await readCaptures([path]);
    const theirs = tsharkRows(path, 3000);
    expect(Math.min(table.packets, 3000)).toBe(theirs.length);
    let withApplication = 0;
    for (const [i, fields] of theirs.entries()) {
      const row = rowOf(table, i);
      const expected = expectedRow(fields);
      expect(Math.abs(table.time[i]! - Number(fields['frame.time_epoch']))).toBeLessThan(1e-6);
      expect({ i, length: row.length, ends: row.ends }).toEqual({ i, length: expected.length, ends: expected.ends });
      if (fields['eth.src'] !== '') expect(row.macs).toBe(expected.macs);
      if (isComparable(table, i, fields)) {
        expect({ i, protocols: row.protocols }).toEqual({ i, protocols: expected.protocols });
        withApplication++;
      }
    }
    expect(withApplication).toBeGreaterThan(0);
  });
});

/**
 * Tells whether the application can be compared: tshark names it for packets that begin or end a message, but not for those within
 * one; here all of them carry it.
 */
function isComparable(table: PacketTable, i: number, fields: Record<string, string>): boolean {
  if (fields['frame.len'] !== fields['frame.cap_len']) return false;
  const layers = fields['frame.protocols']!.split(':');
  const isContinued = layers.at(-1) === 'tcp' || layers.at(-1) === 'data';
  return !(isContinued && table.protocols[i]! > 7);
}
