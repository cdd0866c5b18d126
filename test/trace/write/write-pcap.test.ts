import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { InputError } from '../../../src/shared/errors.js';
import type { Label } from '../../../src/trace/labels/label-file.js';
import { labelPackets } from '../../../src/trace/labels/labels.js';
import { readCaptures } from '../../../src/trace/read/read.js';
import { createTraceBuilder, type FlowRow, type PacketRow, Protocol, type Trace } from '../../../src/trace/trace.js';
import { deviceMac, GATEWAY_MAC } from '../../../src/trace/write/device-macs.js';
import { writePcap } from '../../../src/trace/write/write-pcap.js';
import { hasProgram, needs, noProgram } from '../../support/needs.js';
import { complaintsOfTcpdump, complaintsOfTshark } from '../../support/programs.js';

const { IP, TCP, UDP, TLS, HTTP, DNS, OTHER } = Protocol;
const folder = mkdtempSync(join(tmpdir(), 'homeveil-pcap-'));
afterAll(() => rmSync(folder, { recursive: true }));

const devices = [
  { name: 'plug', category: 'iot' },
  { name: 'camera', category: 'iot' },
] as const;
const tls: FlowRow = {
  transport: 6,
  localPort: 40000,
  remotePort: 443,
  localAddress: '192.168.1.2',
  remoteAddress: '52.94.1.2',
  wan: true,
  header: 14,
};
const dns: FlowRow = { ...tls, transport: 17, remotePort: 53, remoteAddress: '9.9.9.9' };
const ipv6: FlowRow = { ...tls, localAddress: '2001:db8::2', remoteAddress: '2600:1f18::1' };
const mdns: FlowRow = { ...dns, localPort: 5353, remotePort: 5353, remoteAddress: '224.0.0.251', wan: false };

type Given = Partial<PacketRow> & { of?: FlowRow };

function makeTrace(packets: readonly Given[]): Trace {
  const builder = createTraceBuilder(devices);
  const flows = new Map<FlowRow, number>();
  packets.forEach(({ of = tls, ...row }, i) => {
    if (!flows.has(of)) flows.set(of, builder.flow(of));
    const flow = flows.get(of)!;
    const protocols = IP | (of.transport === 6 ? TCP : UDP);
    builder.push({ time: 1e9 + i, length: 60, direction: 1, device: 0, protocols, port: of.remotePort, flow, ...row });
  });
  return builder.build();
}

let files = 0;
function write(trace: Trace, options?: Parameters<typeof writePcap>[2]) {
  const path = join(folder, `${files++}.pcap`);
  return { path, ...writePcap(trace, path, options) };
}

const labels = devices.map(
  ({ name, category }, device): Label => ({ address: deviceMac(device), kind: 'mac', device: name, category }),
);

async function readBack(path: string): Promise<Trace> {
  const { table, report } = await readCaptures([path]);
  expect(report.files[0]!.problems).toEqual([]);
  return labelPackets(table, report, { by: 'address', labels }).trace;
}

/** Properties of each packet in a capture. */
function rows({ packets, time, length, direction, protocols, port, device, flow, flows }: Trace) {
  return Array.from({ length: packets }, (_, i) => {
    const f = flow[i]!;
    return {
      time: time[i],
      length: length[i],
      direction: direction[i],
      protocols: protocols[i],
      port: port[i],
      device: device[i],
      transport: flows.transport[f],
      wan: flows.wan[f],
      local: `${flows.addresses[flows.localAddress[f]!]}/${flows.localPort[f]}`,
      remote: `${flows.addresses[flows.remoteAddress[f]!]}/${flows.remotePort[f]}`,
    };
  });
}

const handshake: Given[] = [
  { length: 74 },
  { length: 74, direction: 0 },
  { length: 66 },
  { length: 300, protocols: IP | TCP | TLS },
  { length: 1514, direction: 0, protocols: IP | TCP | TLS },
];

test('the file begins with the header of classic pcap in nanoseconds', () => {
  const { path, bytes } = write(makeTrace([{ length: 100, time: 1_700_000_000.25 }]));
  const file = readFileSync(path);
  expect(bytes).toBe(24 + 16 + 100);
  expect(statSync(path).size).toBe(bytes);
  expect(file.readUInt32LE(0)).toBe(0xa1b23c4d);
  expect([file.readUInt16LE(4), file.readUInt16LE(6), file.readUInt32LE(20)]).toEqual([2, 4, 1]);
  expect([24, 28, 32, 36].map((at) => file.readUInt32LE(at))).toEqual([1_700_000_000, 250_000_000, 100, 100]);
});

test('headers of a frame, byte for byte', () => {
  // The checksums were computed by hand and agree with tshark.
  const { path } = write(makeTrace([{ length: 60 }]));
  const frame = readFileSync(path).subarray(40);
  const expected =
    `${GATEWAY_MAC}:${deviceMac(0)}:08:00`.replaceAll(':', '') +
    // IPv4: 44 bytes, identification 1, do not fragment, 64 hops, TCP.
    '4500002c000140004006';
  expect(frame.subarray(0, 24).toString('hex')).toBe(expected);
  expect(frame.subarray(26, 38).toString('hex')).toBe('c0a80102345e01029c4001bb');
  // SYN with a maximum segment size of 1460, then Ethernet's padding.
  expect(frame[47]).toBe(2);
  expect(frame.subarray(54, 60).toString('hex')).toBe('020405b40000');
});

test('a handshake, then sequence numbers without a gap, and acknowledgements of what has been sent', () => {
  const { path } = write(makeTrace([...handshake, { length: 66 }, { length: 200, protocols: IP | TCP | TLS }]));
  const file = readFileSync(path);
  const segments = [];
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) {
    const tcp = at + 16 + 34;
    segments.push({ flags: file[tcp + 13], seq: file.readUInt32BE(tcp + 4), ack: file.readUInt32BE(tcp + 8) });
  }
  const [syn, synAck, ack, hello, answer, ack2, data] = segments;
  expect(segments.map(({ flags }) => flags)).toEqual([2, 18, 16, 24, 24, 16, 24]);
  const next = (n: number) => n >>> 0;
  expect(synAck!.ack).toBe(next(syn!.seq + 1));
  expect(ack).toMatchObject({ seq: next(syn!.seq + 1), ack: next(synAck!.seq + 1) });
  expect(hello!.seq).toBe(ack!.seq);
  expect(answer).toMatchObject({ seq: ack!.ack, ack: next(hello!.seq + 300 - 54) });
  expect(ack2).toMatchObject({ seq: answer!.ack, ack: next(answer!.seq + 1514 - 54) });
  expect(data).toMatchObject({ seq: answer!.ack, ack: ack2!.ack });
});

test('what is too short for a message of HTTP is the rest of the one before', async () => {
  const http: FlowRow = { ...tls, remotePort: 80 };
  const protocols = IP | TCP | HTTP;
  const { path } = write(makeTrace([200, 58, 67, 300, 60].map((length) => ({ of: http, length, protocols }))));
  expect([...(await readBack(path)).protocols]).toEqual(new Array(5).fill(protocols));
  const file = readFileSync(path);
  let next: number | undefined;
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) {
    const sequence = file.readUInt32BE(at + 16 + 34 + 4);
    expect(sequence).toBe(next ?? sequence);
    next = (sequence + file.readUInt32LE(at + 8) - 54) >>> 0;
  }
});

test('what acknowledges nothing new tells of another window, and comes as no duplicate', () => {
  const { path } = write(makeTrace([...handshake, ...new Array<Given>(3).fill({ length: 66 })]));
  const file = readFileSync(path);
  const told: number[][] = [];
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) {
    const tcp = at + 16 + 34;
    told.push([file.readUInt32BE(tcp + 8), file.readUInt16BE(tcp + 14)]);
  }
  const last = told.slice(-3);
  expect(new Set(last.map(([acknowledged]) => acknowledged)).size).toBe(1);
  expect(last.map(([, window]) => window)).toEqual([65535, 65534, 65535]);
});

test('every length from a bare Ethernet header to the longest IP packet is written as it is', async () => {
  const lengths = [14, 15, 33, 34, 41, 42, 53, 54, 55, 58, 59, 60, 61, 64, 66, 74, 94, 95, 1514, 9014, 65535 + 14];
  for (const of of [tls, dns, ipv6]) {
    for (const bits of [0, of.transport === 6 ? TLS : DNS]) {
      const base = IP | (of.transport === 6 ? TCP : UDP) | bits;
      const { path } = write(makeTrace(lengths.map((length) => ({ of, length, protocols: base }))));
      const back = await readBack(path);
      expect([...back.length]).toEqual(lengths);
    }
  }
});

test.each([13, 65535 + 15])('a frame of %i bytes is refused, and no file is left', (length) => {
  const path = join(folder, 'refused.pcap');
  expect(() => writePcap(makeTrace([{ length: 60 }, { length }]), path)).toThrow(InputError);
  expect(() => writePcap(makeTrace([{ length: 60 }, { length }]), path)).toThrow(
    `${path}: packet 1: expected 14 to 65549 bytes, found ${length}`,
  );
  expect(() => statSync(path)).toThrow();
});

test('a time outside the range of the format is refused', () => {
  const trace = makeTrace([{ time: -1 }]);
  expect(() => write(trace)).toThrow(/expected a time from 1970 to 2106, found -1 s/);
});

test('microseconds are rounded, and carry into the second', () => {
  const { path } = write(makeTrace([{ time: 5.9999996 }]), { resolution: 'microsecond' });
  const file = readFileSync(path);
  expect(file.readUInt32LE(0)).toBe(0xa1b2c3d4);
  expect([file.readUInt32LE(24), file.readUInt32LE(28)]).toEqual([6, 0]);
});

test('a trace without link headers becomes a raw IP capture', async () => {
  const of = { ...tls, header: 0 };
  const { path, link } = write(
    makeTrace([
      { of, length: 40 },
      { of, length: 1500, protocols: IP | TCP | TLS },
    ]),
  );
  expect(link).toBe('raw-ip');
  const { table } = await readCaptures([path]);
  expect([...table.length]).toEqual([40, 1500]);
  expect([...table.protocols]).toEqual([IP | TCP, IP | TCP | TLS]);
});

test('what our readers see is what was written', async () => {
  const plugToCamera: FlowRow = { ...dns, remotePort: 9999, remoteAddress: '192.168.1.3', wan: false };
  const camera: FlowRow = { ...tls, localAddress: '192.168.1.3' };
  const arp: FlowRow = {
    ...tls,
    transport: 0,
    localPort: 0,
    remotePort: 0,
    wan: false,
    localAddress: deviceMac(0),
    remoteAddress: 'ff:ff:ff:ff:ff:ff',
  };
  const ping: FlowRow = { ...tls, transport: 1, localPort: 0, remotePort: 0 };
  const ping6: FlowRow = { ...ipv6, transport: 58, localPort: 0, remotePort: 0 };
  const trace = makeTrace([
    ...handshake,
    ...handshake.map((row) => ({ ...row, of: camera, device: 1 })),
    ...[75, 80, 90, 300, 600].flatMap((length) => [
      { of: dns, length, protocols: IP | UDP | DNS },
      { of: dns, length: length + 32, direction: 0, protocols: IP | UDP | DNS },
    ]),
    { of: mdns, length: 320, protocols: IP | UDP | DNS },
    ...[72, 100, 1514].flatMap((length) =>
      [1, 0].map((direction) => ({ of: { ...tls, remotePort: 80 }, length, direction, protocols: IP | TCP | HTTP })),
    ),
    ...[1, 0].map((direction) => ({ of: { ...dns, remotePort: 123 }, length: 90, direction })),
    { of: plugToCamera, length: 130 },
    { of: arp, protocols: OTHER },
    { of: ping, length: 98, protocols: IP | OTHER },
    { of: ping, length: 98, protocols: IP | OTHER, direction: 0 },
    { of: ping6, length: 118, protocols: IP | OTHER },
    { of: ipv6, length: 86 },
    { of: ipv6, length: 1514, protocols: IP | TCP | TLS },
  ]);
  const { path } = write(trace);
  const back = rows(await readBack(path));
  const seen = rows(trace);
  // Whether a frame that is neither TCP nor UDP is marked as other is the reader's affair.
  for (const row of [...back, ...seen]) row.protocols! &= ~OTHER;
  expect(back).toEqual(seen);
  expect(hasProgram('tshark') ? complaintsOfTshark(path) : '').toBe('');
});

test('any trace of ordinary packets comes back, and means the same to tshark and tcpdump', async () => {
  const time = fc.integer({ min: 0, max: 1e9 }).map((n) => 1.7e9 + n / 1000);
  const device = fc.constantFrom(0, 1);
  const direction = fc.constantFrom(0, 1);
  const local = (row: { device: number }) => `192.168.1.${2 + row.device}`;
  const packet = fc.record({
    time,
    device,
    direction,
    length: fc.integer({ min: 80, max: 1514 }),
    host: fc.integer({ min: 1, max: 3 }),
    kind: fc.constantFrom('tls', 'dns', 'ack', 'plain'),
  });
  let seed = 0;
  const property = fc.asyncProperty(fc.array(packet, { minLength: 1, maxLength: 60 }), async (packets) => {
    const known = new Map<string, FlowRow>();
    const trace = makeTrace(
      packets.map(({ host, kind, ...row }) => {
        const isTcp = kind === 'tls' || kind === 'ack';
        const remotePort = { tls: 443, ack: 443, dns: 53, plain: 8053 }[kind]!;
        const of: FlowRow = {
          ...tls,
          transport: isTcp ? 6 : 17,
          localAddress: local(row),
          remotePort,
          remoteAddress: `8.8.${host}.1`,
        };
        const key = JSON.stringify(of);
        if (!known.has(key)) known.set(key, of);
        const length = kind === 'ack' ? 66 : row.length;
        const bits = { tls: TCP | TLS, ack: TCP, dns: UDP | DNS, plain: UDP }[kind]!;
        return { ...row, length, of: known.get(key)!, protocols: IP | bits };
      }),
    );
    const { path } = write(trace);
    expect(rows(await readBack(path))).toEqual(rows(trace));
    // Starting other programs takes time: every fourth trace is enough.
    if (seed++ % 4 === 0) {
      if (hasProgram('tshark')) expect(complaintsOfTshark(path)).toBe('');
      if (hasProgram('tcpdump')) expect(complaintsOfTcpdump(path)).toBe('');
    }
  });
  await fc.assert(property, { numRuns: 20 });
});

needs(noProgram('tshark')).describe('tshark', () => {
  test('finds complete DNS, HTTP, TLS and DHCP messages of every length', () => {
    const lengths = Array.from({ length: 500 }, (_, i) => 59 + i);
    const dhcp: FlowRow = { ...dns, localPort: 68, remotePort: 67 };
    const http: FlowRow = { ...tls, remotePort: 80 };
    const dnsOverTcp: FlowRow = { ...tls, remotePort: 53 };
    const { path } = write(
      makeTrace([
        ...lengths.flatMap((length) => [
          { of: dns, length, protocols: IP | UDP | DNS },
          { of: dns, length, protocols: IP | UDP | DNS, direction: 0 },
          { of: tls, length, protocols: IP | TCP | TLS },
          { of: http, length, protocols: IP | TCP | HTTP },
          { of: http, length, protocols: IP | TCP | HTTP, direction: 0 },
          { of: dnsOverTcp, length, protocols: IP | TCP | DNS },
        ]),
        { of: dhcp, length: 342 },
        { of: dhcp, length: 590, direction: 0 },
        { of: tls, length: 65549, protocols: IP | TCP | TLS },
      ]),
    );
    expect(complaintsOfTshark(path)).toBe('');
  });
});
