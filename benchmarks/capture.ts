/**
 * Packets captured against packets sent, through dumpcap, tcpdump and cap: `node dist/benchmarks/capture.js [--rate N] [--seconds N]
 * [--engine NAME]... [--full]`. Two hosts in network namespaces, one cable; needs root, ip and the engines. Sent are IPv4 packets of
 * 60, 200, 600 and 1400 bytes in turn, `rate` of them a second, in a group each millisecond.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openRawSocket } from '../src/live/replay/raw-socket.js';
import { sendOnSchedule } from '../src/live/replay/schedule.js';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    engine: { type: 'string', multiple: true, default: ['dumpcap', 'tcpdump', 'cap'] },
    buffer: { type: 'string', multiple: true, default: [''] },
    full: { type: 'boolean', default: false },
    send: { type: 'boolean', default: false },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);

const SOURCE = '10.77.0.1';
/** An address of no host: the other host receives the packets and discards them without an answer. */
const DESTINATION = '10.77.0.3';
const LENGTHS = [60, 200, 600, 1400];
const DISCARD = 9;

if (values.send) await send();
else await measure();

/** Within the sending host: prints how many packets it sent. */
async function send(): Promise<void> {
  const packet = Buffer.alloc(Math.max(...LENGTHS));
  const [source, destination] = [SOURCE, DESTINATION].map((address) => address.split('.').map(Number));
  // Version and length, time to live, UDP; the kernel fills in the checksum.
  packet.set([0x45, ...new Array(7).fill(0), 64, 17, 0, 0, ...source!, ...destination!]);
  packet.writeUInt16BE(DISCARD, 20);
  packet.writeUInt16BE(DISCARD, 22);
  const due = Float64Array.from({ length: rate * seconds }, (_, i) => Math.floor((i / rate) * 1000) / 1000);
  const sender = openRawSocket('eth0');
  let sent = 0;
  const lengthOf = (i: number) => LENGTHS[i % LENGTHS.length]!;
  const { late } = await sendOnSchedule(
    due,
    (i) => {
      packet.writeUInt16BE(lengthOf(i), 2);
      packet.writeUInt16BE(lengthOf(i) - 20, 24);
    },
    (i) => {
      if (sender.send(packet, lengthOf(i), DESTINATION) === '') sent++;
    },
    new AbortController().signal,
  );
  sender.close();
  late.sort();
  console.log(JSON.stringify({ sent, late99: late[Math.floor(late.length * 0.99)] }));
}

async function measure(): Promise<void> {
  const prefix = `hvb-${process.pid}`;
  const [a, b] = [`${prefix}-a`, `${prefix}-b`];
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-capture-'));
  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
  const close = () => {
    rmSync(folder, { recursive: true, force: true });
    for (const host of [a, b]) execFileSync('ip', ['netns', 'delete', host], { stdio: 'ignore' });
  };
  ip('netns', 'add', a);
  ip('netns', 'add', b);
  process.on('exit', close);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  ip('-n', a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b);
  for (const [host, address] of [[a, `${SOURCE}/24`] as const, [b, '10.77.0.2/24'] as const]) {
    ip('-n', host, 'address', 'add', address, 'dev', 'eth0');
    ip('-n', host, 'link', 'set', 'eth0', 'up');
  }
  const mac = ip('-n', b, '-br', 'link', 'show', 'eth0').split(/\s+/)[2]!;
  ip('-n', a, 'neigh', 'add', DESTINATION, 'lladdr', mac, 'dev', 'eth0');

  const load = loadavg()[0]!.toFixed(1);
  console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load ${load} before`);
  console.log(`${rate} packets/s for ${seconds} s, ${values.full ? 'whole packets' : 'headers only'}`);
  for (const engine of values.engine) {
    for (const buffer of values.buffer) {
      const path = join(folder, 'capture.pcap');
      const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
      const options = [
        '-i',
        'eth0',
        '-w',
        path,
        '--engine',
        engine,
        '--json',
        '--filter',
        `udp and dst ${DESTINATION}`,
      ];
      if (buffer !== '') options.push('--buffer', buffer);
      if (values.full) options.push('--full');
      const capturing = run(b, process.execPath, [main, 'capture', ...options]);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const script = fileURLToPath(import.meta.url);
      const sending = run(a, process.execPath, [
        script,
        '--send',
        '--rate',
        String(rate),
        '--seconds',
        String(seconds),
      ]);
      const { sent, late99 } = JSON.parse(await sending.done);
      const before = childrenTime();
      capturing.child.kill('SIGINT');
      const { packets, lost } = JSON.parse(await capturing.done);
      const cpu = ((childrenTime() - before) / seconds) * 100;
      const told = [lost.kernel, lost.interface].map((count) => count ?? '-').join('/');
      console.log(
        `${engine.padEnd(8)}${buffer === '' ? '' : ` ${buffer} MiB`}  sent ${sent}  captured ${packets}  missing ${sent - packets} ` +
          `(${((100 * (sent - packets)) / sent).toFixed(3)} %)  told of ${told}  ${cpu.toFixed(0)} % of a core  ` +
          `sender p99 late ${(late99 * 1e3).toFixed(1)} ms`,
      );
    }
  }
}

function run(host: string, command: string, args: readonly string[]) {
  const child = spawn('ip', ['netns', 'exec', host, command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const done = new Promise<string>((resolve) => child.once('close', () => resolve(output)));
  return { child, done };
}

/** Seconds of processor time of children that have ended, and of theirs: fields 16 and 17 of /proc/self/stat, in ticks of 10 ms. */
function childrenTime(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
