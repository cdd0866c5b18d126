import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { createNetwork, type Host, type Network, whyNoNamespaces } from '../../src/lab/namespaces.js';
import { type ReplayRequest, replay } from '../../src/live/replay/replay.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { deviceLabels } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { ethernet, filler, ipv4, pcap, temporaryFolder, udp } from '../support/fixtures.js';
import { needs, noPackage, noProgram } from '../support/needs.js';
import { complaintsOfTshark } from '../support/programs.js';
import { asNobody, fieldsOf, startOn } from '../support/run-live.js';

const needing = needs(whyNoNamespaces(), noPackage('raw-socket'), noProgram('tshark'), noProgram('dumpcap'));

needing.describe('homeveil replay', () => {
  const folder = temporaryFolder();
  const file = (name: string) => join(folder, name);
  const [home, labels] = [file('home.pcap'), file('home.csv')];
  let network: Network;
  let sender: Host;
  let receiver: Host;

  beforeAll(() => {
    const trace = generateHome({ hours: 0.02, seed: 8 });
    writePcap(trace, home);
    writeFileSync(labels, formatLabels(deviceLabels(trace)));
    network = createNetwork();
    [sender, receiver] = [network.host(), network.host()];
    network.link(sender, receiver, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
  });
  afterAll(() => network?.close());

  /** All at once, each from an address of its own; what came of them, as another program captured it at the other host. */
  const runs: Record<string, readonly string[]> = {
    '10.77.0.11': ['--speed', '50'],
    '10.77.0.12': ['--speed', '50', '--direction', 'out', '--for', '30s', '--defense', 'pad:rule=mtu'],
    '10.77.0.13': ['--speed', '50', '--for', '20s', '--defense', 'dummy', '--cover-only'],
  };
  // biome-ignore lint/suspicious/noExplicitAny: the JSON that is printed
  const results = new Map<string, any>();
  const wire = file('wire.pcap');
  let frames: string[][];
  const from = (address: string) => frames.filter(([source]) => source === address);

  beforeAll(async () => {
    const own = [100, 300, 200].map((size, i) => ({
      data: ethernet(0x0800, ipv4(17, udp(5000 + i, 9, filler(size)), { from: '10.77.0.1', to: '10.77.0.2' })),
      seconds: 1000,
      fraction: i * 1000,
    }));
    writeFileSync(file('own.pcap'), pcap(own));
    const options = ['-q', '-P', '-i', 'eth0', '-f', 'ip and dst host 10.77.0.2', '-w', wire];
    const dumpcap = receiver.start('dumpcap', options, { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise<void>((resolve) => {
      dumpcap.stderr!.on('data', (text) => String(text).includes('File: ') && resolve());
    });
    const common = [home, '--labels', labels, '--to', '10.77.0.2', '--network', '10.77.0.0/24', '--json'];
    const running = [
      ...Object.entries(runs).map(
        ([source, args]) => [source, startOn(sender, 'replay', ...common, '--from', source, ...args)] as const,
      ),
      ['10.77.0.1', startOn(sender, 'replay', file('own.pcap'), '-i', 'eth0', '--json')] as const,
    ];
    for (const [source, { ended, printed }] of running) {
      expect([await ended, printed.stderr]).toEqual([0, '']);
      results.set(source, JSON.parse(printed.stdout));
    }
    // All has been on the wire; dumpcap asks the kernel four times a second.
    await new Promise((resolve) => setTimeout(resolve, 500));
    dumpcap.kill('SIGINT');
    await new Promise((resolve) => dumpcap.once('close', resolve));
    frames = fieldsOf(wire, ['ip.src', ...FIELDS], '(tcp || udp) && !icmp');
  });

  const FIELDS = ['frame.len', 'tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport'];

  test('what is on the wire has the lengths, the order and the ports of the capture', () => {
    const planned = fieldsOf(home, FIELDS, '(ip || ipv6) && (tcp || udp) && !icmp && !icmpv6');
    expect(planned.length).toBeGreaterThan(100);
    expect(from('10.77.0.11').map(([, ...fields]) => fields)).toEqual(planned);
    const { planned: plan, sent, refused, histogram } = results.get('10.77.0.11');
    expect([sent.packets, refused]).toEqual([plan.packets, {}]);
    expect(histogram.reduce((sum: number, { packets }: { packets: number }) => sum + packets, 0)).toBe(sent.packets);
    expect(sent.seconds).toBeGreaterThanOrEqual(plan.seconds);
  });

  test('headers and checksums hold, and nothing is malformed', () => {
    expect(complaintsOfTshark(wire)).toBe('');
  });

  test('under a defense, what the defense makes of it', () => {
    const lengths = from('10.77.0.12').map(([, length]) => length);
    expect(lengths.length).toBeGreaterThan(10);
    expect(new Set(lengths)).toEqual(new Set(['1500']));
  });

  test('--cover-only sends the cover alone', () => {
    const { planned } = results.get('10.77.0.13');
    expect(planned.packets).toBeGreaterThan(10);
    expect(planned.cover).toBe(planned.packets);
    expect(from('10.77.0.13')).toHaveLength(planned.packets);
  });

  test('-i alone leaves addresses as they are', () => {
    expect(from('10.77.0.1').map((fields) => [fields[1], fields[4]])).toEqual([
      ['142', '5000'],
      ['342', '5001'],
      ['242', '5002'],
    ]);
  });

  describe('is refused in one line, before anything is sent', () => {
    const signal = new AbortController().signal;
    test.each<[RegExp, Omit<ReplayRequest, 'captures' | 'defense'>]>([
      [/^8\.8\.8\.8: refused: these are addresses of the Internet, not of a test network/, { to: '8.8.8.8' }],
      [
        /^127\.0\.0\.1: refused: outside the test network 10\.78\.0\.0\/24/,
        { to: '127.0.0.1', network: '10.78.0.0/24' },
      ],
      [
        /^8\.8\.8\.8: refused: outside the test network 127/,
        { to: '127.0.0.1', from: '8.8.8.8', network: '127.0.0.0/8' },
      ],
      [
        /^--network 0\.0\.0\.0\/0: refused: these are addresses of the Internet/,
        { to: '127.0.0.1', network: '0.0.0.0/0' },
      ],
      [
        /^refused: \d+ of \d+ packets have addresses outside the test network 127\.0\.0\.0\/8, such as [\d.]+; --to HOST/,
        { interface: 'lo' },
      ],
      [/^expected --to HOST, or an interface with -i$/, {}],
      [/^--to: expected an IPv4 address, found "fd00::1"$/, { to: 'fd00::1' }],
      [/^--speed: expected a number above 0, found 0$/, { to: '127.0.0.1', speed: 0 }],
      [/^eth7: expected an interface with an IPv4 address/, { interface: 'eth7' }],
    ])('%s', async (message, request) => {
      await expect(replay({ captures: [home], defense: 'none', ...request }, signal)).rejects.toThrow(message);
    });

    test('without the right to send, with the command that has it', async () => {
      const [program, ...args] = [...asNobody, 'replay', home, '--to', '10.77.0.2'];
      const child = sender.start(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr!.on('data', (chunk) => {
        stderr += chunk;
      });
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
      expect(stderr).toMatch(
        /^homeveil: replay needs the right to send raw packets \(CAP_NET_RAW\); run it as root: sudo [^\n]*\n$/,
      );
    });
  });
});
