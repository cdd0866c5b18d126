/**
 * Measures cost and accuracy of the live tunnel over loopback, with both ends and the load on this machine:
 * - throughput: datagrams of 1400 bytes one way, at rising rates until 1 % are lost; CPU time of both ends for each Mbit; beside it
 *   two relays by socat, which do nothing but pass datagrams on;
 * - times: frames at a constant rate, how late they are and how much the spacing is off, and what share of a core that takes.
 * Run: node dist/benchmarks/tunnel.js
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeKey } from '../src/live/tunnel/key.js';
import type { TunnelStatistics } from '../src/live/tunnel/statistics.js';

const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'homeveil-benchmark-'));
const key = join(folder, 'key');
const BYTES = 1400;
const SECONDS = 2;
const RATES = [5, 10, 25, 50, 100, 150, 200, 300, 400, 600];
/** Ports on loopback: where the load comes from and goes in, between the two, where it comes out. socat keeps to its first client. */
const [FROM, IN, BETWEEN, OUT] = [41_822, 41_821, 41_900, 41_820];

/** Sends `rate` Mbit/s for so many seconds, in bursts of a millisecond, and counts what comes out. */
const LOAD = `
const dgram = require('dgram');
const [rate, seconds] = process.argv.slice(1).map(Number);
const sink = dgram.createSocket('udp4');
const source = dgram.createSocket('udp4');
let came = 0, sent = 0;
sink.on('message', () => { came++; });
sink.bind(${OUT}, '127.0.0.1', () => {
  sink.setRecvBufferSize(1 << 22);
  source.on('error', () => {});
  source.bind(${FROM}, '127.0.0.1', () => {
    const payload = Buffer.alloc(${BYTES}, 7);
    const start = performance.now();
    const timer = setInterval(() => {
      const elapsed = (performance.now() - start) / 1000;
      const due = Math.min(elapsed, seconds) * rate * 1e6 / 8 / ${BYTES};
      while (sent < due) { source.send(payload, ${IN}, '127.0.0.1', () => {}); sent++; }
      if (elapsed < seconds) return;
      clearInterval(timer);
      setTimeout(() => { console.log(JSON.stringify({ sent, came })); process.exit(); }, 300);
    }, 1);
  });
});`;

/** Seconds of CPU that a process has taken (proc(5): utime and stime, in ticks of 10 ms). */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function startEnds(defense: string, more: readonly string[] = []): Promise<ChildProcess[]> {
  const start = async (...args: string[]) => {
    const child = spawn(
      process.execPath,
      [main, 'tunnel', '--key', key, '--defense', defense, '--json', '--every', '0.5', ...more, ...args],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout!, 'data');
    return child;
  };
  return [
    await start('--listen', `127.0.0.1:${BETWEEN}`, '--forward', `127.0.0.1:${OUT}`),
    await start('--listen', `127.0.0.1:${IN}`, '--peer', `127.0.0.1:${BETWEEN}`),
  ];
}

async function startSocat(): Promise<ChildProcess[]> {
  const relay = (from: number, to: number) =>
    spawn('socat', ['-b', '2000', `UDP4-LISTEN:${from},bind=127.0.0.1`, `UDP4:127.0.0.1:${to}`], { stdio: 'inherit' });
  const children = [relay(BETWEEN, OUT), relay(IN, BETWEEN)];
  await pause(300);
  return children;
}

async function stop(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

function load(rate: number, seconds: number): Promise<{ sent: number; came: number }> {
  const child = spawn(process.execPath, ['-e', LOAD, String(rate), String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(JSON.parse(String(line))));
    child.once('exit', () => reject(new Error('the load ended early')));
  });
}

async function throughput(name: string, start: () => Promise<ChildProcess[]>): Promise<void> {
  let best = 'nothing without loss';
  for (const rate of RATES) {
    const children = await start();
    // The first second compiles.
    await load(Math.min(rate, 20), 1);
    const before = children.map(cpuOf);
    const { sent, came } = await load(rate, SECONDS);
    const seconds = children.reduce((sum, child, i) => sum + cpuOf(child) - before[i]!, 0);
    await stop(children);
    if (came < 0.99 * sent) break;
    const megabits = (came * BYTES * 8) / 1e6;
    best = `${rate.toString().padStart(4)} Mbit/s, ${((1000 * seconds) / megabits).toFixed(2).padStart(6)} ms of CPU for each Mbit (both ends)`;
  }
  console.log(`${name.padEnd(44)} ${best}`);
}

async function times(interval: number, waiting: string): Promise<void> {
  const children = await startEnds(`constant-rate:size=600,interval=${interval}`, ['--waiting', waiting]);
  const last: TunnelStatistics[] = [];
  for (const [i, child] of children.entries()) {
    child.stdout!.on('data', (chunk) => {
      for (const line of String(chunk).trim().split('\n')) last[i] = JSON.parse(line);
    });
  }
  await load(0.02, 1);
  const before = children.map(cpuOf);
  await load(0.1, 5);
  const share = children.map((child, i) => (cpuOf(child) - before[i]!) / 5.3);
  await pause(600);
  await stop(children);
  const { late, spacing, stalls } = last[1]!;
  const micro = (seconds: number | null) => `${((seconds ?? 0) * 1e6).toFixed(0).padStart(5)}`;
  console.log(
    `${(interval * 1000).toString().padStart(2)} ms, ${waiting.padEnd(5)}  late ${micro(late.p50)} ${micro(late.p95)} ${micro(late.p99)}   spacing off by ${micro(spacing.p50)} ${micro(spacing.p95)} ${micro(spacing.p99)}   ${(share[1]! * 100).toFixed(0).padStart(3)} % of a core${stalls > 0 ? `, ${stalls} stalls` : ''}`,
  );
}

writeKey(key);
try {
  console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]!.model}`);
  console.log(`\nthroughput: the highest of ${RATES.join(', ')} Mbit/s at which less than 1 % is lost`);
  if (spawnSync('socat', ['-V']).error) console.log('socat is not installed: no peer to compare with');
  else await throughput('two relays by socat', startSocat);
  for (const defense of ['none', 'pad:rule=mtu,size=1514', 'constant-rate:size=1514,interval=0.001']) {
    await throughput(`tunnel, ${defense}`, () => startEnds(defense));
  }
  console.log('\ntimes at a constant rate, the home end, microseconds: p50 p95 p99');
  for (const interval of [0.01, 0.005, 0.001]) for (const waiting of ['sleep', 'spin']) await times(interval, waiting);
} finally {
  rmSync(folder, { recursive: true });
}
