import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNetwork, type Host, type Network, whyNoNamespaces } from '../../src/lab/namespaces.js';
import { capture } from '../../src/live/capture/capture.js';
import { listInterfaces } from '../../src/live/capture/interfaces.js';
import { openCapture } from '../../src/live/capture/source.js';
import { parseDuration, parseSizeOrDuration } from '../../src/shared/quantities.js';
import { readCaptures } from '../../src/trace/read/read.js';
import { temporaryFolder } from '../support/fixtures.js';
import { needs, noProgram } from '../support/needs.js';
import { asNobody, fieldsOf, startOn, until } from '../support/run-live.js';

const engines = ['dumpcap', 'tcpdump'];

const DATAGRAMS = 400;
const SECRET = 'nobody-may-read-this';
/** Sends from the other host datagrams to a closed port, whose beginning comes back in ICMP, and opens a TCP connection. */
const SENDER = `
  const { createSocket } = require('dgram');
  const { connect } = require('net');
  const socket = createSocket('udp4');
  let left = ${DATAGRAMS};
  const burst = () => {
    for (let i = 0; i < 20 && left > 0; i++, left--) socket.send('${SECRET}'.repeat(1 + (left % 50)), 9, '10.77.0.2');
    if (left > 0) return setTimeout(burst, 5);
    const tcp = connect(7, '10.77.0.2', () => tcp.end('${SECRET}'.repeat(500)));
    // By the time that the answer is there, the datagrams have left the socket.
    tcp.resume().on('end', () => socket.close());
  };
  burst();`;
const ECHO = `require('net').createServer({ allowHalfOpen: true }, (s) => s.pipe(s)).listen(7, () => console.log('ready'));`;
/** Lengths of `count` datagrams from `first` on, as frames: Ethernet, IPv4 and UDP headers take 42 bytes. */
const frameLengths = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => 42 + SECRET.length * (1 + ((DATAGRAMS - first - i) % 50)));

needs(whyNoNamespaces(), ...[...engines, 'tshark'].map(noProgram)).describe('homeveil capture', () => {
  const folder = temporaryFolder();
  const file = (name: string) => join(folder, name);
  let network: Network;
  let host: Host;
  afterAll(() => network?.close());

  const kinds: [string, string][] = [
    ...engines.map((engine): [string, string] => [engine, 'headers']),
    ['dumpcap', 'full'],
  ];
  const outcomes = new Map<string, { status: number | null; stdout: string }>();
  const FIELDS = [
    'udp.dstport',
    'ip.proto',
    'frame.len',
    'frame.cap_len',
    'eth.type',
    'tcp.hdr_len',
    'frame.time_epoch',
  ];
  const frames = new Map<string, string[][]>();
  const datagrams = (kind: string) => frames.get(kind)!.filter(([port, protocol]) => port === '9' && protocol === '17');

  beforeAll(async () => {
    network = createNetwork();
    const sender = network.host();
    host = network.host();
    network.link(sender, host, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
    const echo = host.start(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] });
    const echoes = new Promise((resolve) => echo.stdout!.once('data', resolve));
    mkdirSync(file('ring'));
    const running = new Map(
      kinds.map(([engine, kind]) => {
        const name = `${engine}-${kind}`;
        const options = ['-i', 'eth0', '-w', file(`${name}.pcap`), '--engine', engine, '--json'];
        return [name, startOn(host, 'capture', ...options, ...(kind === 'full' ? ['--full'] : []))];
      }),
    );
    const ring = ['-w', file('ring/home.pcap'), '--rotate', '4kB', '--keep', '3', '--packets', '300'];
    running.set(
      'ring',
      startOn(host, 'capture', '-i', 'eth0', ...ring, '--filter', 'udp port 9 and not icmp', '--json'),
    );
    running.set('killed', startOn(host, 'capture', '-i', 'eth0', '-w', file('killed.pcap'), '--engine', 'tcpdump'));
    await echoes;
    const begun = () =>
      readdirSync(folder).filter((name) => name.endsWith('.pcap')).length + readdirSync(file('ring')).length;
    await until(() => begun() >= running.size);
    sender.run(process.execPath, '-e', SENDER);
    await until(() => readFileSync(file('killed.pcap')).length > 10_000);
    running.get('killed')!.child.kill('SIGKILL');
    // On a busy machine the engines may take their time: each datagram takes 58 bytes of a file at least.
    const files = kinds.map(([engine, kind]) => file(`${engine}-${kind}.pcap`));
    await until(() => files.every((path) => statSync(path).size > 24 + DATAGRAMS * 58));
    // Ctrl-C: what is on its way to us still arrives.
    for (const [engine, kind] of kinds) running.get(`${engine}-${kind}`)!.child.kill('SIGINT');
    for (const [name, { ended, printed }] of running)
      outcomes.set(name, { status: await ended, stdout: printed.stdout });
    for (const [engine, kind] of kinds)
      frames.set(`${engine}-${kind}`, fieldsOf(file(`${engine}-${kind}.pcap`), FIELDS));
  });

  test.each(kinds)('%s, %s: all that was sent is there', (engine, kind) => {
    const { status, stdout } = outcomes.get(`${engine}-${kind}`)!;
    expect(status).toBe(0);
    expect(datagrams(`${engine}-${kind}`).map(([, , length]) => Number(length))).toEqual(frameLengths(0, DATAGRAMS));
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ engine, kept: kind === 'full' ? 'all' : 'headers', lost: { kernel: 0 } });
    expect(result.packets).toBe(frames.get(`${engine}-${kind}`)!.length);
  });

  test.each(engines)('%s: no byte behind a header is in the file', (engine) => {
    expect(readFileSync(file(`${engine}-headers.pcap`)).includes(SECRET.slice(0, 4))).toBe(false);
    expect(readFileSync(file('dumpcap-full.pcap')).includes(SECRET.repeat(3))).toBe(true);
    const counts: Record<string, number> = {};
    for (const [, protocols, length, kept, type, tcp] of frames.get(`${engine}-headers`)!) {
      if (type !== '0x0800') continue;
      // An ICMP error shows the protocol of the packet within it, too.
      const protocol = protocols!.split(',')[0]!;
      counts[protocol] = (counts[protocol] ?? 0) + 1;
      expect([protocol, Number(kept)]).toEqual([protocol, protocol === '6' ? 34 + Number(tcp) : 42]);
      expect(Number(length)).toBeGreaterThanOrEqual(Number(kept));
    }
    expect(counts).toMatchObject({ '1': expect.any(Number), '6': expect.any(Number), '17': DATAGRAMS });
  });

  test('times are those of the kernel: two engines have the same, to a millisecond in the middle', () => {
    const [a, b] = engines.map((engine) => datagrams(`${engine}-headers`).map((fields) => Number(fields[6])));
    const apart = a!.map((time, i) => Math.abs(time - b![i]!)).sort((x, y) => x - y);
    expect(apart[apart.length >> 1]).toBeLessThan(1e-3);
  });

  test('--packets ends it; --rotate makes files, whole and in order, of which --keep leaves the last', async () => {
    const { status, stdout } = outcomes.get('ring')!;
    expect(status).toBe(0);
    const { packets, files } = JSON.parse(stdout);
    const names = readdirSync(file('ring')).sort();
    expect(packets).toBe(300);
    expect(files.map(({ path }: { path: string }) => path)).toEqual(names.map((name) => file(`ring/${name}`)));
    expect(names[0]).toMatch(/^home-\d{8}T\d{6}Z-0003\.pcap$/);
    // 24 + n (16 + 42) bytes, at most 4000: 68 packets a file; 300 are four such files and 28 packets.
    expect(files.map((one: { packets: number }) => one.packets)).toEqual([68, 68, 28]);
    const { table, report } = await readCaptures([file('ring')]);
    expect(report.files.flatMap(({ problems }) => problems)).toEqual([]);
    expect([...table.length]).toEqual(frameLengths(136, 164));
  });

  test('killed, it leaves a file of whole packets', () => {
    const { length } = readFileSync(file('killed.pcap'));
    // tshark fails at a file that is cut within a packet.
    const rows = fieldsOf(file('killed.pcap'), ['frame.cap_len']);
    expect(rows.reduce((sum, [kept]) => sum + 16 + Number(kept), 24)).toBe(length);
  });

  test('an engine that ends by itself is a fault, and what came before stays', async () => {
    const path = file('early.pcap');
    const { child, ended, printed } = startOn(host, 'capture', '-i', 'eth0', '-w', path);
    await until(() => existsSync(path));
    const [engine] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    process.kill(Number(engine), 'SIGKILL');
    expect(await ended).toBe(1);
    expect(printed.stderr).toBe(
      `homeveil: eth0: dumpcap ended early: ended with SIGKILL; what came before is in ${path}\n`,
    );
  });

  test('ends after the time given, and prints a summary', async () => {
    const run = startOn(host, 'capture', '-i', 'eth0', '--for', '300ms');
    expect(await run.ended).toBe(0);
    expect(run.printed.stdout).toMatch(/^eth0 for 300 ms with dumpcap, headers only/);
    expect(Math.max(...run.printed.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  describe('says in one line what is wrong', () => {
    const signal = new AbortController().signal;
    test.each<[string, Parameters<typeof openCapture>[0]]>([
      ['l0: no such interface (did you mean "lo"?)', { interface: 'l0' }],
      ["--filter: can't parse filter expression: syntax error", { interface: 'lo', filter: 'tcp or' }],
      ["--filter: can't parse filter expression: syntax error", { interface: 'lo', filter: '-z x', engine: 'tcpdump' }],
      ["--filter: can't parse filter expression: syntax error", { interface: 'lo', filter: '-z x', engine: 'dumpcap' }],
    ])('%s', async (message, options) => {
      await expect(openCapture(options)).rejects.toThrow(message);
    });

    test('a place that cannot be written, and nothing goes on in secret', async () => {
      const files = { path: '/' };
      await expect(capture({ interface: 'lo', files }, signal)).rejects.toThrow(
        /^\/: cannot be written: illegal operation on a directory/,
      );
    });

    test('a tool that is not installed, and how to get it', async () => {
      const { PATH } = process.env;
      process.env.PATH = '/nonexistent';
      try {
        const opened = openCapture({ interface: 'lo', engine: 'tcpdump' });
        await expect(opened).rejects.toThrow('tcpdump is not installed; for example: sudo apt-get install tcpdump');
      } finally {
        process.env.PATH = PATH;
      }
    });

    test('no right to capture, and the command that gives it', async () => {
      const [program, ...args] = [...asNobody, 'capture', '-i', 'eth0'];
      const child = host.start(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr!.on('data', (chunk) => {
        stderr += chunk;
      });
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
      const cure =
        /sudo setcap cap_net_raw\S*\+eip \S*\/dumpcap; or run as root: sudo \S+ \S+main\.js capture -i eth0\n$/;
      expect(stderr).toMatch(/^homeveil: eth0: dumpcap may not capture; [^\n]*\n$/);
      expect(stderr).toMatch(cure);
    });

    test.each(['10', '5x', '', '0s', '-1s'])('"%s" is no time', (text) => {
      expect(() => parseDuration(text, '--for')).toThrow('--for: expected a time such as 90s, 10m or 2h, found');
    });
  });

  test('times and sizes as people write them', () => {
    expect(['90s', '10m', '1h30m', '250ms', '1.5h', '2d'].map((text) => parseDuration(text, ''))).toEqual([
      90, 600, 5400, 0.25, 5400, 172_800,
    ]);
    expect(['100MB', '4kB', '1h'].map((text) => parseSizeOrDuration(text, ''))).toEqual([
      { bytes: 1e8 },
      { bytes: 4000 },
      { seconds: 3600 },
    ]);
  });

  test('interfaces: addresses, state, and what may capture', async () => {
    const { interfaces, engines: states } = await listInterfaces();
    const loopback = interfaces.find(({ name }) => name === 'lo')!;
    expect(loopback).toMatchObject({ engine: 'dumpcap', problem: '' });
    expect(loopback.addresses).toContain('127.0.0.1/8');
    expect(states.map(({ engine }) => engine)).toEqual(['dumpcap', 'tcpdump', 'cap']);
    const [program, ...args] = asNobody;
    const text = host.run(program!, ...args, 'interfaces');
    expect(text).toMatch(/eth0 +up +10\.77\.0\.2\/24 +no: no right to capture/);
    expect(text).toMatch(/\n {2}sudo setcap cap_net_raw\S*\+eip \S*dumpcap\n/);
  });
});
