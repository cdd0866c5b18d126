import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Label } from '../../../src/trace/labels/label-file.js';
import { labelPackets, NO_LABELLED_DEVICE } from '../../../src/trace/labels/labels.js';
import { Direction, type Trace } from '../../../src/trace/trace.js';
import { makeTable, type TestPacket } from '../../support/make-table.js';

const plug = '02:00:00:00:00:01';
const camera = '02:00:00:00:00:02';
const phone = '02:00:00:00:00:03';
const gateway = '02:00:00:00:00:fe';
const broadcast = 'ff:ff:ff:ff:ff:ff';

const labels: Label[] = [
  { address: plug, kind: 'mac', device: 'plug', category: 'iot' },
  { address: camera, kind: 'mac', device: 'camera', category: 'iot' },
];

function label(packets: TestPacket[], given: readonly Label[] = labels) {
  const { table, report } = makeTable(packets);
  return labelPackets(table, report, { by: 'address', labels: given });
}

/** One line per packet: who, where to, over which flow. */
function lines({ packets, device, direction, flow, port, flows, devices }: Trace): string[] {
  return Array.from({ length: packets }, (_, i) => {
    const f = flow[i]!;
    const end = (address: Uint32Array, ports: Uint16Array) => `${flows.addresses[address[f]!]}/${ports[f]}`;
    const arrow = direction[i] === Direction.OUTBOUND ? '->' : '<-';
    const local = end(flows.localAddress, flows.localPort);
    const remote = end(flows.remoteAddress, flows.remotePort);
    return `${devices[device[i]!]!.name} ${local} ${arrow} ${remote} port ${port[i]} wan ${flows.wan[f]}`;
  });
}

const out: TestPacket = { macs: [plug, gateway], ips: ['10.0.0.1', '8.8.8.8'], ports: [5000, 443], transport: 6 };
const back: TestPacket = { macs: [gateway, plug], ips: ['8.8.8.8', '10.0.0.1'], ports: [443, 5000], transport: 6 };

describe('labels by MAC address', () => {
  test('both directions of a conversation are one flow, seen from the home, whoever began', () => {
    for (const packets of [
      [out, back],
      [back, out],
    ]) {
      const { trace } = label(packets);
      expect(trace.flows.count).toBe(1);
      expect(lines(trace).sort()).toEqual([
        'plug 10.0.0.1/5000 -> 8.8.8.8/443 port 443 wan 1',
        'plug 10.0.0.1/5000 <- 8.8.8.8/443 port 443 wan 1',
      ]);
    }
  });

  test('a frame between two labelled devices belongs to its sender and does not cross the gateway', () => {
    const there: TestPacket = { macs: [plug, camera], ips: ['10.0.0.1', '10.0.0.2'], ports: [1, 2], transport: 17 };
    const here: TestPacket = { macs: [camera, plug], ips: ['10.0.0.2', '10.0.0.1'], ports: [2, 1], transport: 17 };
    expect(lines(label([there, here]).trace)).toEqual([
      'plug 10.0.0.1/1 -> 10.0.0.2/2 port 2 wan 0',
      'camera 10.0.0.2/2 -> 10.0.0.1/1 port 1 wan 0',
    ]);
    const global: TestPacket = { ...there, ips: ['8.8.4.4', '9.9.9.9'] };
    expect(lines(label([global]).trace)).toEqual(['plug 8.8.4.4/1 -> 9.9.9.9/2 port 2 wan 0']);
  });

  test.each([
    ['10.0.0.9', 0],
    ['224.0.0.251', 0],
    ['255.255.255.255', 0],
    ['169.254.1.1', 0],
    ['100.64.0.1', 1],
    ['1.1.1.1', 1],
  ])('a packet to %s has wan %i', (remote, wan) => {
    const { trace } = label([{ ...out, ips: ['10.0.0.1', remote] }]);
    expect(trace.flows.wan[0]).toBe(wan);
  });

  test('hosts of one IPv6 /64 are neighbours', () => {
    const near = label([{ ...out, ips: ['2001:db8::1', '2001:db8::2'] }]).trace;
    const far = label([{ ...out, ips: ['2001:db8::1', '2001:db8:0:1::2'] }]).trace;
    expect([near.flows.wan[0], far.flows.wan[0]]).toEqual([0, 1]);
  });

  test('frames without IP are kept, with MAC addresses, inside the home', () => {
    const { trace } = label([{ macs: [plug, broadcast], protocols: 64 }]);
    expect(lines(trace)).toEqual([`plug ${plug}/0 -> ${broadcast}/0 port 0 wan 0`]);
  });

  test('what no labelled device sends or receives is dropped under its reason, file by file', () => {
    const other: TestPacket = { macs: [phone, gateway], ips: ['10.0.0.3', '8.8.8.8'], ports: [1, 443], transport: 6 };
    const multicast: TestPacket = { macs: [phone, broadcast], ips: ['10.0.0.3', '255.255.255.255'], transport: 17 };
    const { trace, report, coverage } = label([out, other, { ...multicast, file: 'b.pcap' }, back]);
    expect(trace.packets).toBe(2);
    expect(report).toMatchObject({ read: 4, kept: 2, dropped: { [NO_LABELLED_DEVICE]: 2 } });
    expect(report.files.map(({ path, kept, dropped }) => ({ path, kept, dropped }))).toEqual([
      { path: 'a.pcap', kept: 2, dropped: { [NO_LABELLED_DEVICE]: 1 } },
      { path: 'b.pcap', kept: 0, dropped: { [NO_LABELLED_DEVICE]: 1 } },
    ]);
    expect(coverage.unlabelled).toEqual({
      packets: 2,
      hosts: [{ address: phone, packets: 2 }],
    });
  });

  test('coverage counts both directions and names labels without packets', () => {
    const { coverage } = label([out, out, back]);
    expect(coverage.devices).toEqual([
      {
        name: 'plug',
        category: 'iot',
        packets: 3,
        outbound: 2,
        inbound: 1,
        addresses: [{ address: plug, inferred: null }],
        macDays: [{ address: plug, days: [0] }],
      },
      {
        name: 'camera',
        category: 'iot',
        packets: 0,
        outbound: 0,
        inbound: 0,
        addresses: [{ address: camera, inferred: null }],
        macDays: [],
      },
    ]);
  });

  test('where the link names only the sender, the receiver is known by the IP address it sent from', () => {
    const { trace } = label([
      { ...out, macs: [plug, ''] },
      { ...back, macs: [gateway, ''] },
    ]);
    expect(lines(trace)).toEqual([
      'plug 10.0.0.1/5000 -> 8.8.8.8/443 port 443 wan 1',
      'plug 10.0.0.1/5000 <- 8.8.8.8/443 port 443 wan 1',
    ]);
  });
});

test('labels by IP address, for captures without a link layer', () => {
  const byIp: Label[] = [{ address: '10.0.0.1', kind: 'ip', device: 'plug', category: 'iot' }];
  const { trace } = label(
    [
      { ...back, macs: ['', ''] },
      { ...out, macs: ['', ''] },
    ],
    byIp,
  );
  expect(lines(trace)).toEqual([
    'plug 10.0.0.1/5000 <- 8.8.8.8/443 port 443 wan 1',
    'plug 10.0.0.1/5000 -> 8.8.8.8/443 port 443 wan 1',
  ]);
});

test('packets are sorted by time, equal times in order of arrival', () => {
  const times = [3, 1, 2, 1];
  const { trace } = label(times.map((time, i) => ({ ...out, time, length: 100 + i })));
  expect([...trace.time]).toEqual([1, 1, 2, 3]);
  expect([...trace.length]).toEqual([101, 103, 102, 100]);
});

test('every packet read is kept or dropped, and directions agree with who sent', () => {
  const macs = [plug, camera, phone, gateway, broadcast];
  const host = fc.constantFrom(...macs);
  const packet = fc.record({ macs: fc.tuple(host, host), time: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 30 }), (packets) => {
      const { trace, report } = label(packets.map((p) => ({ ...out, ...p })));
      const isLabelled = (mac: string) => mac === plug || mac === camera;
      const kept = packets.filter((p) => p.macs.some(isLabelled));
      const outbound = packets.filter((p) => isLabelled(p.macs[0]));
      expect(trace.packets).toBe(kept.length);
      expect(report.kept + (report.dropped[NO_LABELLED_DEVICE] ?? 0)).toBe(report.read);
      expect(trace.direction.reduce((sum, d) => sum + d, 0)).toBe(outbound.length);
      expect([...trace.time]).toEqual([...trace.time].sort((a, b) => a - b));
    }),
  );
});

describe('labels by file and folder', () => {
  const of = (mac: string, ip: string, file: string): TestPacket[] => [
    { macs: [mac, gateway], ips: [ip, '8.8.8.8'], ports: [5000, 443], transport: 6, file },
    { macs: [gateway, mac], ips: ['8.8.8.8', ip], ports: [443, 5000], transport: 6, file },
  ];
  /** A phone that sets devices up, in every file and with more packets than any of them. */
  const setup = (file: string): TestPacket[] => [
    ...of(phone, '10.0.0.3', file),
    ...of(phone, '10.0.0.3', file),
    { macs: [gateway, phone], ips: ['1.1.1.1', '10.0.0.3'], ports: [443, 1], transport: 6, file },
    { macs: [gateway, phone], ips: ['9.9.9.9', '10.0.0.3'], ports: [443, 1], transport: 6, file },
  ];

  test('the address of a device is the one that its files share and others do not have', () => {
    const { table, report } = makeTable([
      ...setup('x/plug/1.pcap'),
      ...of(plug, '10.0.0.1', 'x/plug/1.pcap'),
      ...setup('x/plug/2.pcap'),
      ...of(plug, '10.0.0.1', 'x/plug/2.pcap'),
      ...setup('x/camera/1.pcap'),
      ...of(camera, '10.0.0.2', 'x/camera/1.pcap'),
      // In one file of three the camera was silent.
      ...setup('x/camera/2.pcap'),
      ...setup('x/camera/3.pcap'),
      ...of(camera, '10.0.0.2', 'x/camera/3.pcap'),
    ]);
    const { trace, coverage, report: labelled } = labelPackets(table, report, { by: 'folder' });
    expect(
      coverage.devices.map(({ name, outbound, inbound, addresses }) => [name, outbound, inbound, addresses]),
    ).toEqual([
      ['plug', 2, 2, [{ address: plug, inferred: { files: 2, of: 2 } }]],
      ['camera', 2, 2, [{ address: camera, inferred: { files: 2, of: 3 } }]],
    ]);
    expect(trace.packets).toBe(8);
    expect(labelled.kept + labelled.dropped[NO_LABELLED_DEVICE]!).toBe(labelled.read);
  });

  test('a single file: the gateway speaks for other networks and is not the device', () => {
    const file = 'plug.pcap.gz';
    const { table, report } = makeTable([
      { macs: [gateway, plug], ips: ['1.1.1.1', '10.0.0.1'], ports: [443, 1], transport: 6, file },
      { macs: [gateway, plug], ips: ['9.9.9.9', '10.0.0.1'], ports: [443, 1], transport: 6, file },
      ...of(plug, '10.0.0.1', file),
    ]);
    const { coverage } = labelPackets(table, report, { by: 'file' });
    expect(coverage.devices).toEqual([
      {
        name: 'plug',
        category: 'iot',
        packets: 4,
        outbound: 1,
        inbound: 3,
        addresses: [{ address: plug, inferred: { files: 1, of: 1 } }],
        macDays: [{ address: plug, days: [0] }],
      },
    ]);
  });

  test('without a link layer the home side is the private address, else the one common to most packets', () => {
    const raw = (ips: [string, string], file: string): TestPacket => ({ macs: ['', ''], ips, transport: 17, file });
    const { table, report } = makeTable([
      raw(['10.8.0.2', '8.8.8.8'], 'a.pcap'),
      raw(['1.1.1.1', '10.8.0.2'], 'a.pcap'),
      raw(['5.5.5.5', '8.8.8.8'], 'b.pcap'),
      raw(['1.1.1.1', '5.5.5.5'], 'b.pcap'),
      raw(['5.5.5.5', '1.1.1.1'], 'b.pcap'),
    ]);
    const { coverage } = labelPackets(table, report, { by: 'file' });
    expect(
      coverage.devices.map(({ name, outbound, inbound, addresses }) => [
        name,
        addresses[0]?.address,
        outbound,
        inbound,
      ]),
    ).toEqual([
      ['a', '10.8.0.2', 1, 1],
      ['b', '5.5.5.5', 2, 1],
    ]);
  });
});
