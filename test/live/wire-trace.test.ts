import { describe, expect, test } from 'vitest';
import { formatNetwork, isInside, isNobodys, parseNetwork } from '../../src/live/replay/test-network.js';
import { endsOf, toWire, type WireOptions } from '../../src/live/replay/wire-trace.js';
import { ipv4Text } from '../../src/trace/addresses.js';
import { ipv4Word } from '../../src/trace/scope.js';
import { createTraceBuilder, Direction, Protocol } from '../../src/trace/trace.js';

const { IP, TCP, UDP, OTHER } = Protocol;

function homeTrace() {
  const builder = createTraceBuilder([{ name: 'plug', category: 'iot' }]);
  const flow = (transport: number, localAddress: string, remoteAddress: string) =>
    builder.flow({ transport, localPort: 40000, remotePort: 443, localAddress, remoteAddress, wan: true, header: 14 });
  const flows = [
    flow(6, '192.168.0.7', '93.184.216.34'),
    flow(17, 'fd00::7', '2001:db8::1'),
    flow(0, '02:00:00:00:00:07', 'ff:ff:ff:ff:ff:ff'),
  ];
  const packet = (time: number, flow: number, length: number, direction: number, protocols: number, cover = 0) =>
    builder.push({ time, length, direction, protocols, port: 443, flow: flows[flow]!, device: 0, cover });
  packet(10, 0, 74, Direction.OUTBOUND, IP | TCP);
  packet(10.5, 0, 1514, Direction.INBOUND, IP | TCP);
  packet(11, 1, 100, Direction.OUTBOUND, IP | UDP, 1);
  packet(12, 2, 60, Direction.OUTBOUND, OTHER);
  packet(13, 0, 14 + 40 + 3000, Direction.INBOUND, IP | TCP);
  packet(14, 0, 30, Direction.OUTBOUND, IP | TCP);
  return builder.build();
}

const options: WireOptions = {
  rewrite: { from: '10.77.0.1', to: '10.77.0.2' },
  mtu: 1500,
  direction: 'both',
  coverOnly: false,
  seconds: Number.POSITIVE_INFINITY,
};

describe('a trace as IPv4 packets on a test network', () => {
  test('to one host: all go one way, of the length that they had within their frames, ports as of sender and receiver', () => {
    const { trace, leftOut, merged } = toWire(homeTrace(), options);
    const { localPort, remotePort } = trace.flows;
    const rows = Array.from({ length: trace.packets }, (_, i) => {
      const flow = trace.flow[i]!;
      return [trace.time[i], trace.length[i], localPort[flow], remotePort[flow]];
    });
    expect(rows).toEqual([
      [10, 60, 40000, 443],
      [10.5, 1500, 443, 40000],
      [11, 86, 40000, 443],
      // 3000 bytes behind 40 of headers: 1460, 1460 and 80.
      [13, 1500, 443, 40000],
      [13, 1500, 443, 40000],
      [13, 120, 443, 40000],
    ]);
    expect([leftOut, merged]).toEqual([{ 'no IP': 1, 'shorter than an IP header': 1 }, 1]);
    const ends = [...endsOf(trace)].map(ipv4Text);
    expect(ends).toEqual(rows.flatMap(() => ['10.77.0.1', '10.77.0.2']));
  });

  test('where addresses stay, each packet bears its own, and IPv6 is left out', () => {
    const { trace, leftOut } = toWire(homeTrace(), { ...options, rewrite: null, seconds: 1 });
    expect([...endsOf(trace)].map(ipv4Text)).toEqual(['192.168.0.7', '93.184.216.34', '93.184.216.34', '192.168.0.7']);
    expect(leftOut).toEqual({ 'no IPv4 address': 1 });
  });

  test.each<[Partial<WireOptions>, number[]]>([
    [{ direction: 'out' }, [60, 86]],
    [{ direction: 'in' }, [1500, 1500, 1500, 120]],
    [{ coverOnly: true }, [86]],
    [{ seconds: 0.5 }, [60, 1500]],
  ])('%o', (some, lengths) => {
    expect([...toWire(homeTrace(), { ...options, ...some }).trace.length]).toEqual(lengths);
  });
});

describe('test networks', () => {
  test.each([
    ['10.77.0.9/24', '10.77.0.0/24', '10.77.0.255', '10.77.1.0'],
    ['192.168.1.1', '192.168.1.1', '192.168.1.1', '192.168.1.2'],
    ['0.0.0.0/0', '0.0.0.0/0', '255.255.255.255', null],
    ['172.16.0.0/12', '172.16.0.0/12', '172.31.255.255', '172.32.0.0'],
  ])('%s', (text, normal, inside, outside) => {
    const network = parseNetwork(text, '--network');
    expect(formatNetwork(network)).toBe(normal);
    expect(isInside(ipv4Word(inside), network)).toBe(true);
    if (outside !== null) expect(isInside(ipv4Word(outside), network)).toBe(false);
  });

  test.each(['10.77.0.0', '10.77.0.0.0/8', '10.77.0.0/33', 'fd00::/8', '10.77.0.0/', 'eth0'].slice(1))(
    '%s is none',
    (text) => {
      expect(() => parseNetwork(text, '--network')).toThrow('--network: expected an IPv4 network such as');
    },
  );

  test("may be of addresses that are nobody's alone", () => {
    const verdicts = [
      '10.0.0.0/8',
      '10.0.0.0/7',
      '172.31.0.0/16',
      '172.0.0.0/8',
      '127.0.0.1',
      '8.8.8.8',
      '0.0.0.0/0',
      '198.18.0.0/15',
    ];
    expect(verdicts.filter((text) => isNobodys(parseNetwork(text, '')))).toEqual([
      '10.0.0.0/8',
      '172.31.0.0/16',
      '127.0.0.1',
      '198.18.0.0/15',
    ]);
  });
});
