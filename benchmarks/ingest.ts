/**
 * Reading captures, side by side with tcpdump and tshark: `node dist/benchmarks/ingest.js [CAPTURE] [--packets N] [--runs N]`.
 * Without a capture it makes one of 1.48 million packets, about 600 MB. A classic CAPTURE given is repeated up to `--packets`.
 * Every run is a process of its own, timed from start to end; the programs take turns.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRng, type Rng } from '../src/shared/rng.js';

/** tshark would take minutes for the whole file: its rate is taken from this many packets at the front. */
const TSHARK_PACKETS = 100_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { packets: { type: 'string', default: '1480000' }, runs: { type: 'string', default: '5' } },
});
const packets = Number(values.packets);
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), 'homeveil-ingest-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const capture = join(folder, 'capture.pcap');
const written = positionals[0] ? repeatCapture(positionals[0], capture, packets) : makeCapture(capture, packets);
const megabytes = statSync(capture).size / 1e6;
console.log(
  `${written} packets, ${megabytes.toFixed(0)} MB, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`,
);

const readModule = new URL('../src/trace/read/read.js', import.meta.url).href;
const script = `
  const { readCaptures } = await import(${JSON.stringify(readModule)});
  const { report } = await readCaptures([process.argv[1]]);
  if (report.kept !== ${written}) throw new Error('kept ' + report.kept + ' packets');`;
const fields = ['frame.time_epoch', 'frame.len', 'ip.src', 'ip.dst', 'tcp.dstport', 'frame.protocols'];
const shownPackets = Math.min(written, TSHARK_PACKETS);
const programs = [
  {
    name: 'homeveil',
    command: process.execPath,
    args: ['--input-type=module', '-e', script, capture],
    packets: written,
  },
  { name: 'tcpdump -w /dev/null', command: 'tcpdump', args: ['-r', capture, '-w', '/dev/null'], packets: written },
  {
    name: 'tshark -T fields',
    command: 'tshark',
    args: [
      '-n',
      '-r',
      capture,
      '-c',
      String(shownPackets),
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ],
    packets: shownPackets,
  },
].map((program) => ({ ...program, seconds: [] as number[], fault: '' }));

for (let run = 0; run < runs; run++) {
  for (const program of programs) {
    if (program.fault !== '') continue;
    const started = performance.now();
    const { error, status, stderr } = spawnSync(program.command, program.args, { stdio: ['ignore', 'ignore', 'pipe'] });
    if (error && 'code' in error && error.code === 'ENOENT') program.fault = 'not installed';
    else if (error || status !== 0) program.fault = error?.message ?? String(stderr).trim();
    else program.seconds.push((performance.now() - started) / 1000);
  }
}

const rates = programs.map(({ name, packets: count, seconds, fault }) => {
  if (fault !== '') {
    console.log(`${name.padEnd(22)}${fault}`);
    return Number.NaN;
  }
  const median = seconds.sort((a, b) => a - b)[seconds.length >> 1]!;
  const rate = count / median;
  console.log(
    `${name.padEnd(22)}${median.toFixed(3)} s for ${count} packets (median of ${seconds.length}, ` +
      `${seconds[0]!.toFixed(3)} to ${seconds.at(-1)!.toFixed(3)} s), ${Math.round(rate)} packets/s`,
  );
  return rate;
});
const [own, tcpdump, tshark] = rates as [number, number, number];
if (own && tcpdump) console.log(`homeveil takes ${(tcpdump / own).toFixed(2)} times as long as tcpdump`);
if (own && tshark) console.log(`homeveil reads ${(own / tshark).toFixed(0)} times as many packets a second as tshark`);
if (Number.isNaN(own)) process.exitCode = 1;

/** Writes the records of a classic capture over and over; returns how many. */
function repeatCapture(from: string, to: string, count: number): number {
  const bytes = readFileSync(from);
  const little = bytes.readUInt8(0) !== 0xa1;
  const ends: number[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    at += 16 + (little ? bytes.readUInt32LE(at + 8) : bytes.readUInt32BE(at + 8));
    if (at <= bytes.length) ends.push(at);
  }
  if (ends.length === 0) throw new Error(`${from}: expected a classic capture with packets`);
  const file = openSync(to, 'w');
  writeSync(file, bytes.subarray(0, 24));
  for (let left = count; left > 0; left -= ends.length) {
    writeSync(file, bytes.subarray(24, ends[Math.min(left, ends.length) - 1]));
  }
  closeSync(file);
  return count;
}

interface Flow {
  readonly version: 4 | 6;
  readonly tagged: boolean;
  readonly transport: 6 | 17;
  readonly service: number;
  readonly ephemeral: number;
  readonly device: number;
  readonly remote: number;
}

/**
 * Writes a home's traffic: 20 devices and 4,000 flows, one in ten of them IPv6, one in ten 802.1Q tagged; flows take turns in
 * runs of some packets; acknowledgements, full frames and sizes between; most TCP payloads are TLS records.
 */
function makeCapture(path: string, count: number): number {
  const rng = createRng(1, 'ingest');
  const flows = Array.from({ length: 4000 }, () => makeFlow(rng));
  const file = openSync(path, 'w');
  const buffer = Buffer.alloc(1 << 20);
  const noise = Buffer.from(Array.from({ length: 4096 }, () => rng.integer(0, 255)));
  buffer.writeUInt32LE(0xa1b2c3d4, 0);
  buffer.writeUInt16LE(2, 4);
  buffer.writeUInt16LE(4, 6);
  buffer.writeUInt32LE(262_144, 16);
  buffer.writeUInt32LE(1, 20);
  let at = 24;
  let time = 1.6e9;
  let flow = flows[0]!;
  let left = 0;
  for (let i = 0; i < count; i++) {
    if (left-- <= 0) {
      // A few flows carry most of the packets.
      flow = flows[Math.floor(flows.length * rng.uniform() ** 4)]!;
      left = Math.floor(rng.exponential(6));
    }
    if (at > buffer.length - 2048) {
      writeSync(file, buffer, 0, at);
      at = 0;
    }
    time += rng.exponential(0.001);
    const kind = rng.uniform();
    const payload = kind < 0.4 ? 0 : kind < 0.57 ? 1400 : rng.integer(20, 600);
    const frame = writeFrame(buffer, at + 16, flow, payload, rng.uniform() < 0.5, noise, i);
    buffer.writeUInt32LE(Math.floor(time), at);
    buffer.writeUInt32LE(Math.floor((time % 1) * 1e6), at + 4);
    buffer.writeUInt32LE(frame, at + 8);
    buffer.writeUInt32LE(frame, at + 12);
    at += 16 + frame;
  }
  writeSync(file, buffer, 0, at);
  closeSync(file);
  return count;
}

function makeFlow(rng: Rng): Flow {
  const transport = rng.uniform() < 0.8 ? 6 : 17;
  const services = transport === 6 ? [443, 443, 443, 8883, 80, 5228] : [53, 443, 123, 5353];
  return {
    version: rng.uniform() < 0.1 ? 6 : 4,
    tagged: rng.uniform() < 0.1,
    transport,
    service: services[rng.integer(0, services.length - 1)]!,
    ephemeral: rng.integer(32768, 60999),
    device: rng.integer(0, 19),
    remote: rng.integer(0, 2 ** 31),
  };
}

/** Writes one frame of a flow at `at`, which differs from others by its `number`; returns its length. */
function writeFrame(
  out: Buffer,
  at: number,
  flow: Flow,
  payload: number,
  outbound: boolean,
  noise: Buffer,
  number: number,
): number {
  const { version, transport } = flow;
  const start = at;
  const mac = (value: number): void => {
    out.writeUIntBE(0x020000000000 + value, at, 6);
    at += 6;
  };
  const [sender, receiver] = outbound ? [flow.device + 1, 0] : [0, flow.device + 1];
  mac(receiver);
  mac(sender);
  if (flow.tagged) {
    out.writeUInt32BE(0x81000001, at);
    at += 4;
  }
  const transportHeader = transport === 6 ? 20 : 8;
  at = out.writeUInt16BE(version === 4 ? 0x0800 : 0x86dd, at);
  const ends = outbound ? [0x0a000001 + flow.device, flow.remote] : [flow.remote, 0x0a000001 + flow.device];
  if (version === 4) {
    out.fill(0, at, at + 20);
    out.writeUInt8(0x45, at);
    out.writeUInt16BE(20 + transportHeader + payload, at + 2);
    out.writeUInt16BE(number & 0xffff, at + 4);
    out.writeUInt8(64, at + 8);
    out.writeUInt8(transport, at + 9);
    out.writeUInt32BE(ends[0]!, at + 12);
    out.writeUInt32BE(ends[1]!, at + 16);
    at += 20;
  } else {
    out.fill(0, at, at + 40);
    out.writeUInt8(0x60, at);
    out.writeUInt16BE(transportHeader + payload, at + 4);
    out.writeUInt8(transport, at + 6);
    out.writeUInt8(64, at + 7);
    for (const [i, end] of ends.entries()) {
      out.writeUInt32BE(0x20010db8, at + 8 + 16 * i);
      out.writeUInt32BE(end, at + 20 + 16 * i);
    }
    at += 40;
  }
  out.fill(0, at, at + transportHeader);
  out.writeUInt16BE(outbound ? flow.ephemeral : flow.service, at);
  out.writeUInt16BE(outbound ? flow.service : flow.ephemeral, at + 2);
  if (transport === 6) {
    out.writeUInt32BE(number, at + 4);
    out.writeUInt16BE(0x5010, at + 12);
  } else out.writeUInt16BE(8 + payload, at + 4);
  at += transportHeader;
  const from = number % (noise.length - payload);
  noise.copy(out, at, from, from + payload);
  if (transport === 6 && flow.service !== 80 && payload > 5) {
    out.writeUInt8(0x17, at);
    out.writeUInt16BE(0x0303, at + 1);
    out.writeUInt16BE(payload - 5, at + 3);
  }
  return at + payload - start;
}
