import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { expect, test } from 'vitest';
import { createEndLog } from '../../src/lab/end-log.js';
import type { Part, Script, Speech } from '../../src/lab/script.js';
import { readOutside, readTunnelled } from '../../src/lab/truth.js';
import type { Trace } from '../../src/trace/trace.js';
import { ethernet, filler, ipv4, pcap, tcp, temporaryFolder, udp } from '../support/fixtures.js';

const folder = temporaryFolder();
const HOME = '203.0.113.2';
const IN_VPN = '10.99.0.2';
const SERVER = '198.51.100.7';
const [LAMP, PLUG] = [0, 1];

const partOf = (device: number, speech: Speech, localPort: number): Part => ({
  ...{ device, speech, localPort, timestamps: false, address: SERVER, port: 443, name: '', servers: 1, greeting: 0 },
  ...{ opened: 0, closed: 20, messages: [] },
});

/** The lamp has port 2048 of TCP, the plug the same of UDP. It begins at 5000 s, at 1000 s of the world, ten times as fast. */
const script: Script = {
  devices: ['lamp', 'plug'].map((name) => ({ name, category: 'iot' })),
  from: 5000,
  seconds: 20,
  parts: [partOf(LAMP, 'plain', 2048), partOf(PLUG, 'datagram', 2048)],
};
const timing = { script, start: 1000, speed: 10 };

interface Sent {
  /** Milliseconds after the script's beginning, by the world's clock. */
  readonly at: number;
  readonly data: Uint8Array;
}

function capture(name: string, packets: readonly Sent[], link = 1): string {
  const records = packets.map(({ at, data }) => ({
    ...{ data, seconds: 1000 + Math.floor(at / 1000), fraction: (((at % 1000) + 1000) % 1000) * 1000 },
  }));
  const file = join(folder, `${name}.pcap`);
  writeFileSync(file, pcap(records, { link }));
  return file;
}

/** A packet of IP of so many bytes, from the home's `own` address where `remote` is where it goes to. */
function packet(via: 'tcp' | 'udp', length: number, { isOut = true, own = HOME, port = 2048, remote = SERVER } = {}) {
  const payload = filler(length - (via === 'tcp' ? 40 : 28));
  const [from, to] = isOut ? [port, 443] : [443, port];
  const ends = isOut ? { from: own, to: remote } : { from: remote, to: own };
  return via === 'tcp' ? ipv4(6, tcp(from, to, payload), ends) : ipv4(17, udp(from, to, payload), ends);
}

const onWire = (at: number, ip: Uint8Array): Sent => ({ at, data: ethernet(0x0800, ip) });

/** A row for each packet: seconds since the script's beginning, length, direction, whose it is. */
const rowsOf = (trace: Trace) =>
  Array.from({ length: trace.packets }, (_, i) => [
    Number((trace.time[i]! - 5000).toFixed(3)),
    trace.length[i],
    trace.direction[i] === 1 ? 'out' : 'in',
    trace.cover[i] === 1 ? 'cover' : trace.devices[trace.device[i]!]!.name,
  ]);
const since = (delivered: Float64Array) => Array.from(delivered, (time) => Number((time - 5000).toFixed(3)));

test('outside the gateway the port tells whose a packet is, and the network what is noise', async () => {
  const file = capture('outside', [
    onWire(-10, packet('tcp', 60)),
    onWire(100, packet('tcp', 60)),
    onWire(120, packet('tcp', 1000, { isOut: false })),
    onWire(200, packet('udp', 100)),
    onWire(300, packet('tcp', 400, { port: 40_000, remote: '100.64.1.1' })),
    onWire(310, packet('tcp', 400, { port: 2048, remote: '100.64.1.1', isOut: false })),
    // Nobody's port; and between others.
    onWire(400, packet('tcp', 60, { port: 40_001 })),
    onWire(500, packet('tcp', 60, { own: '203.0.113.9' })),
    onWire(2000, packet('tcp', 60)),
  ]);
  const { trace, original, delivered, dropped, strangers } = await readOutside(file, timing, HOME);
  const real = [
    [1, 74, 'out', 'lamp'],
    [1.2, 1014, 'in', 'lamp'],
    [2, 114, 'out', 'plug'],
  ];
  expect(rowsOf(trace)).toEqual([...real, [3, 414, 'out', 'cover'], [3.1, 414, 'in', 'cover']]);
  expect(rowsOf(original)).toEqual(real);
  expect(since(delivered)).toEqual([1, 1.2, 2]);
  expect([dropped, strangers]).toEqual([0, 1]);
});

test('a capture without anything of the home is an error', async () => {
  const file = capture('empty', [onWire(100, packet('tcp', 60, { own: '203.0.113.9' }))]);
  await expect(readOutside(file, timing, HOME)).rejects.toThrow(/^live: nothing of the home was captured$/);
});

const VPN_PORT = 51_820;
/** A datagram on the wire that begins with the bytes given; 42 bytes are of headers. */
function datagram(at: number, bytes: readonly number[], length: number, isOut = true, port = VPN_PORT): Sent {
  const payload = Buffer.concat([Buffer.from(bytes), filler(length - bytes.length)]);
  const ends = isOut ? { from: HOME, to: '203.0.113.1' } : { from: '203.0.113.1', to: HOME };
  return onWire(at, ipv4(17, isOut ? udp(40_000, port, payload) : udp(port, 40_000, payload), ends));
}

const RAW_IP = 101;
/** Packets that enter the VPN: at home 100 bytes of the lamp and 500 of the plug; far away 60 for the lamp. */
const entered = (name: string): [string, string] => [
  capture(
    `${name}-home`,
    [
      { at: 100, data: packet('tcp', 100, { own: IN_VPN }) },
      { at: 200, data: packet('udp', 500, { own: IN_VPN }) },
    ],
    RAW_IP,
  ),
  capture(`${name}-far`, [{ at: 300, data: packet('tcp', 60, { own: IN_VPN, isOut: false }) }], RAW_IP),
];
const common = { gateway: HOME, own: IN_VPN };
const original = [
  [1, 114, 'out', 'lamp'],
  [2, 514, 'out', 'plug'],
  [3, 74, 'in', 'lamp'],
];

test('in a VPN each datagram is of the packet that it carries, and handshakes are of nobody', async () => {
  // 32 and the packet, padded to 16: 100 becomes 144, 500 becomes 544, 60 becomes 96. The second one is lost.
  const wire = capture('vpn', [
    datagram(50, [1], 148),
    datagram(103, [4], 144),
    datagram(250, [4], 32),
    datagram(304, [4], 96, false),
  ]);
  const read = await readTunnelled({ ...common, wire, entered: entered('vpn'), port: VPN_PORT, logs: null }, timing);
  expect(rowsOf(read.original)).toEqual(original);
  expect(rowsOf(read.trace)).toEqual([
    [1.03, 186, 'out', 'lamp'],
    [3.04, 138, 'in', 'lamp'],
  ]);
  expect(since(read.delivered)).toEqual([1.03, Number.NaN, 3.04]);
  expect([read.dropped, read.strangers]).toEqual([1, 0]);
});

test('in the live tunnel the logs of its ends say what each frame carries', async () => {
  const END_PORT = 51_900;
  const prefix = (first: number) => Uint8Array.of(first, 1, 2, 3, 4, 5, 6);
  const home = createEndLog();
  const message = (type: number, length: number) => Uint8Array.from({ length }, (_, i) => (i === 0 ? type : 0));
  home.taken(message(4, 144), 0);
  home.taken(message(1, 148), 1);
  home.taken(message(4, 544), 2);
  const segment = (number: number, offset: number, bytes: number) => ({
    datagram: { number, payload: new Uint8Array(0) },
    ...{ offset, bytes },
  });
  home.sent([segment(0, 0, 144), segment(2, 0, 100)], prefix(10));
  home.sent([segment(1, 0, 148)], prefix(11));
  home.sent([], prefix(12));
  home.sent([segment(2, 100, 444)], prefix(13));
  home.sent([], prefix(14));
  const far = createEndLog();
  far.taken(message(4, 96), 0);
  far.sent([segment(0, 0, 96)], prefix(20));
  const logs = [home, far].map((log, i) => {
    const file = join(folder, `${i}.log`);
    writeFileSync(file, serialize(log.columns()));
    return file;
  }) as [string, string];

  const frame = (at: number, first: number, isOut = true) => datagram(at, [...prefix(first)], 600, isOut, END_PORT);
  const wire = capture('tunnel', [
    // Cover before the script begins, the handshake, a frame that no end knows of, and cover when it has ended.
    frame(-5, 12),
    frame(210, 10),
    frame(220, 11),
    frame(230, 12),
    frame(240, 99),
    frame(250, 13),
    frame(310, 20, false),
    frame(2001, 14),
  ]);
  const read = await readTunnelled({ ...common, wire, entered: entered('tunnel'), port: END_PORT, logs }, timing);
  expect(rowsOf(read.original)).toEqual(original);
  // The first frame has more bytes of the lamp (114) than of the plug (a hundred of 544, of 514 bytes).
  expect(rowsOf(read.trace)).toEqual([
    [2.1, 642, 'out', 'lamp'],
    [2.3, 642, 'out', 'cover'],
    [2.5, 642, 'out', 'plug'],
    [3.1, 642, 'in', 'lamp'],
  ]);
  expect(since(read.delivered)).toEqual([2.1, 2.5, 3.1]);
  expect(read.dropped).toBe(0);
});

test('a wire of which nothing can be told is an error', async () => {
  const wire = capture('other', [datagram(100, [1], 148)]);
  const read = readTunnelled({ ...common, wire, entered: entered('other'), port: VPN_PORT, logs: null }, timing);
  await expect(read).rejects.toThrow(/^live: of no frame on the wire can it be told what it carries$/);
});
