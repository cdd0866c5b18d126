import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { builtIns, prepareAll, resolveDefense, resolveView, viewOf } from '../../src/harness/plugins/registry.js';
import { generateHome } from '../../src/home/home.js';
import { createPast } from '../../src/shaping/kit/past.js';
import { type AppliedDefense, defineDefense, type PacketRef, type Part } from '../../src/shaping/shaper.js';
import { createRng } from '../../src/shared/rng.js';
import type { Label } from '../../src/trace/labels/label-file.js';
import { labelPackets } from '../../src/trace/labels/labels.js';
import { readCaptures } from '../../src/trace/read/read.js';
import { createTraceBuilder, NO_DEVICE, Protocol, type Trace } from '../../src/trace/trace.js';
import { deviceLabels, GATEWAY_MAC } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { observe } from '../../src/view/observe.js';
import { needs, noProgram } from '../support/needs.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-defend-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { IP, TCP, TLS, HTTP, DNS } = Protocol;

/** After every packet one of cover, like one before; every hundredth opens a connection of its own. */
const coverInFlows = defineDefense({
  name: 'cover-in-flows',
  summary: '',
  source: 'this test',
  scope: 'home',
  removedAt: 'gateway',
  parameters: z.object({}),
  create() {
    const past = createPast();
    let packets = 0;
    return {
      packet(p, link) {
        link.send(p, p.length);
        past.remember(p);
        const like = past.draw(p.direction, link.rng)!;
        if (++packets % 100 > 0) link.cover(like.direction, like.length, { ...like, device: NO_DEVICE });
        else {
          const flow = link.openFlow({ transport: 6, remoteAddress: '198.51.100.9', remotePort: 443 });
          for (let i = 0; i < 6; i++) {
            const bits = i < 3 ? IP | TCP : IP | TCP | TLS;
            link.cover(i % 2 === 0 ? 1 : 0, i < 3 ? 66 : 400, { protocols: bits, port: 443, flow, device: NO_DEVICE });
          }
        }
      },
    };
  },
});

/** Every 50 ms one frame of 700 bytes each way, of as many packets as fit. */
const cells = defineDefense({
  name: 'cells',
  summary: '',
  source: 'this test',
  scope: 'home',
  removedAt: 'gateway',
  parameters: z.object({}),
  create() {
    const waiting: [[PacketRef, number][], [PacketRef, number][]] = [[], []];
    return {
      packet(p, link) {
        waiting[p.direction].push([p, p.length]);
        link.wakeAt(Math.ceil(link.now / 0.05) * 0.05);
      },
      wake(link) {
        for (const queue of waiting) {
          const parts: Part[] = [];
          for (let room = 600; room > 0 && queue.length > 0; ) {
            const first = queue[0]!;
            const bytes = Math.min(room, first[1]);
            parts.push({ packet: first[0], bytes });
            room -= bytes;
            first[1] -= bytes;
            if (first[1] === 0) queue.shift();
          }
          if (parts.length > 0) link.sendCell(parts, 700);
        }
        if (waiting.some((queue) => queue.length > 0)) link.wakeAt(link.now + 0.05);
      },
    };
  },
});

const home = generateHome({ hours: 0.05, seed: 3 });
const own: Record<string, AppliedDefense[]> = {
  'cover-in-flows': [{ defense: coverInFlows, parameters: {} }],
  cells: [{ defense: cells, parameters: {} }],
};

async function defended(request: string, viewName: string): Promise<Trace> {
  const view = resolveView(viewName);
  const rng = createRng(4);
  const defenses = own[request] ?? (await prepareAll(resolveDefense(request), { trace: null, rng }, builtIns));
  const applied = { view: viewOf(view, builtIns), parameters: view.parameters };
  return observe(home, applied, defenses, { rng, capacity: null }).trace;
}

async function readBack(path: string, labels: readonly Label[]): Promise<Trace> {
  const { table, report } = await readCaptures([path]);
  expect(report.files[0]!.problems).toEqual([]);
  return labelPackets(table, report, { by: 'address', labels }).trace;
}

const gateway: Label = { address: GATEWAY_MAC, kind: 'mac', device: 'home', category: 'iot' };

/** Rows of fields of the frames that `filter` lets through, all checksums checked. */
function tshark(path: string, filter: string, ...fields: string[]): string[][] {
  const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
  const args = ['-r', path, '-Y', filter, ...checks, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const { stdout, stderr, status } = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(stderr);
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => line.split('\t'));
}

/** Fields of tshark that name a fault of a frame; each is empty if there is none. */
const FAULTS = [
  '_ws.malformed',
  ...['retransmission', 'fast_retransmission', 'spurious_retransmission', 'out_of_order', 'lost_segment'],
  ...['ack_lost_segment', 'duplicate_ack', 'keep_alive', 'zero_window', 'reused_ports'],
].map((name) => (name.startsWith('_') ? name : `tcp.analysis.${name}`));
/** 1 is good, 0 is bad, nothing where there is none. */
const CHECKSUMS = ['ip', 'tcp', 'udp'].map((name) => `${name}.checksum.status`);

/** Time and length of each frame, of which there must be nothing bad to say. */
function wellFormed(path: string): [number, number][] {
  const rows = tshark(path, 'frame', 'frame.time_epoch', 'frame.len', ...CHECKSUMS, ...FAULTS);
  expect(rows.filter(([, , ip, tcp, udp, ...faults]) => [ip, tcp, udp].includes('0') || faults.some(Boolean))).toEqual(
    [],
  );
  expect(rows.some(([, , ip]) => ip === '1')).toBe(true);
  return rows.map(([time, length]) => [Number(time), Number(length)]);
}

describe.each([
  ['none', 'lan'],
  ['pad:rule=mtu', 'lan'],
  ['pad:rule=random', 'lan'],
  ['jitter', 'lan'],
  ['pad:rule=linear+jitter', 'lan'],
  ['pad:rule=random', 'napt'],
  ['vpn', 'napt'],
  ['vpn:tunnel=openvpn', 'napt'],
  ['pad+jitter', 'vpn'],
  ['cover-in-flows', 'lan'],
  ['cover-in-flows', 'napt'],
  ['cells', 'lan'],
  ['split', 'lan'],
  ['noise:users=1', 'napt'],
  ['front:client=50,server=50', 'lan'],
  ['wtf-pad', 'vpn'],
  ['tamaraw', 'lan'],
])('%s in the %s view', async (request, view) => {
  const trace = await defended(request, view);
  const outside = view !== 'lan';
  const path = join(folder, `${request.replaceAll(/\W/g, '-')}-${view}.pcap`);
  writePcap(trace, path, { outside });

  test('comes back as it was', async () => {
    const back = await readBack(path, outside ? [gateway] : deviceLabels(trace));
    for (const column of ['time', 'length', 'direction', 'port'] as const) expect(back[column]).toEqual(trace[column]);
    // A cell may hold more of another device's packets than of that whose connection it goes in.
    const isOf = (device: Uint16Array) => device.map((one, i) => (trace.cover[i] === 0 ? one : NO_DEVICE));
    if (!outside && request !== 'cells') expect(isOf(back.device)).toEqual(isOf(trace.device));

    // Padding after an acknowledgement goes on with what its connection has carried before; nothing else changes.
    const applications = TLS | HTTP | DNS;
    const carried = new Map<number, number>();
    let continued = 0;
    for (let i = 0; i < trace.packets; i++) {
      const [seen, sent] = [back.protocols[i]!, trace.protocols[i]!];
      const flow = trace.flow[i]!;
      if (seen !== sent) {
        expect([sent & applications, seen & ~applications]).toEqual([0, sent]);
        expect(carried.get(flow)! & seen).toBe(seen & applications);
        continued++;
      }
      carried.set(flow, (carried.get(flow) ?? 0) | (sent & applications));
    }
    const mayPad = /^(pad|cells|tamaraw)/.test(request);
    expect(continued > 0).toBe(mayPad && view !== 'vpn');
  });

  needs(noProgram('tshark')).test('tshark sees the same frames, and nothing wrong with them', () => {
    expect(wellFormed(path)).toEqual(Array.from(trace.time, (time, i) => [time, trace.length[i]]));
  });

  test('no byte tells which frames are cover, nor outside whose they are', () => {
    const other = join(folder, 'other.pcap');
    // Had a header, a payload or a number anything to do with it, the file of the opposite would be another one.
    const cover = trace.cover.map((one) => 1 - one);
    const device = outside ? trace.device.map((one) => (one === 0 ? 1 : 0)) : trace.device;
    writePcap({ ...trace, cover, device }, other, { outside });
    expect(readFileSync(other).equals(readFileSync(path))).toBe(true);
  });
});

test('cover of the home as a whole has the MAC address of the device whose connection it is in', async () => {
  const trace = await defended('cover-in-flows', 'lan');
  const path = join(folder, 'owners.pcap');
  writePcap(trace, path);
  const back = await readBack(path, deviceLabels(trace));
  const owner = new Map<number, number>();
  for (let i = 0; i < trace.packets; i++) if (trace.cover[i] === 0) owner.set(trace.flow[i]!, trace.device[i]!);
  expect(trace.device).toContain(NO_DEVICE);
  for (let i = 0; i < trace.packets; i++) {
    const address = trace.flows.localAddress[trace.flow[i]!]!;
    const device = owner.get(trace.flow[i]!) ?? owner.get([...trace.flows.localAddress].indexOf(address));
    expect(back.device[i]).toBe(device);
  }
});

needs(noProgram('tshark')).describe('a tunnel, to tshark', () => {
  test('is WireGuard, with a receiver for each direction, and counters without a gap', async () => {
    const path = join(folder, 'wireguard.pcap');
    const trace = await defended('vpn', 'napt');
    writePcap(trace, path, { outside: true });
    const rows = tshark(path, 'wg.type == 4', 'ip.src', 'wg.receiver', 'wg.counter', 'udp.payload');
    expect(rows).toHaveLength(trace.packets);
    const next = new Map<string, number>();
    const packets = new Set<string>();
    for (const [source, receiver, counter, payload] of rows) {
      const key = `${source} ${receiver}`;
      expect(Number(counter)).toBe(next.get(key) ?? 0);
      next.set(key, Number(counter) + 1);
      packets.add(payload!.slice(32, 64));
    }
    expect(next.size).toBe(2);
    // There are 65,536 places in the noise to begin at.
    expect(packets.size).toBeGreaterThan(rows.length * 0.9);
  });

  test('is OpenVPN', async () => {
    const path = join(folder, 'openvpn.pcap');
    const trace = await defended('vpn:tunnel=openvpn', 'napt');
    writePcap(trace, path, { outside: true });
    expect(tshark(path, 'openvpn.opcode == 9 && openvpn.peerid == 0', 'frame.number')).toHaveLength(trace.packets);
  });
});

describe('connections between two devices, which are two flows of a trace', () => {
  const devices = ['hub', 'lamp'].map((name) => ({ name, category: 'iot' as const }));
  const builder = createTraceBuilder(devices);
  const ends = [
    { localAddress: '192.168.1.2', localPort: 40000, remoteAddress: '192.168.1.3', remotePort: 6668 },
    { localAddress: '192.168.1.3', localPort: 6668, remoteAddress: '192.168.1.2', remotePort: 40000 },
  ];
  for (const end of ends) builder.flow({ ...end, transport: 6, wan: false, header: 14 });
  [74, 74, 66, 300, 66, 1514, 1514, 66, 66].forEach((length, i) => {
    const flow = [0, 1, 0, 0, 1, 1, 1, 0, 1][i]!;
    const port = ends[flow]!.remotePort;
    builder.push({ time: 1e9 + i, length, direction: 1, protocols: IP | TCP, port, flow, device: flow });
  });
  const trace = builder.build();
  const path = join(folder, 'between.pcap');
  writePcap(trace, path);

  test('come back as they were', async () => {
    const back = await readBack(path, deviceLabels(trace));
    expect([...back.device]).toEqual([...trace.device]);
    expect([...back.protocols]).toEqual([...trace.protocols]);
  });

  needs(noProgram('tshark')).test('are one to tshark', () => {
    wellFormed(path);
    expect(new Set(tshark(path, 'tcp', 'tcp.stream').flat()).size).toBe(1);
    expect(tshark(path, 'tcp.flags.syn == 1', 'tcp.flags.ack')).toEqual([['0'], ['1']]);
  });
});
