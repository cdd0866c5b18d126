import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findGateways } from '../../../src/trace/labels/gateways.js';
import type { Label } from '../../../src/trace/labels/label-file.js';
import { readLabelling } from '../../../src/trace/labels/label-file.js';
import { labelPackets } from '../../../src/trace/labels/labels.js';
import { loadTrace } from '../../../src/trace/load.js';
import { makeTable, type TestPacket } from '../../support/make-table.js';
import { needs, noShared, sharedPath } from '../../support/needs.js';

const plug = '02:00:00:00:00:01';
const camera = '02:00:00:00:00:02';
const gateway = '02:00:00:00:00:fe';
const second = '02:00:00:00:00:fd';
const broadcast = 'ff:ff:ff:ff:ff:ff';

type Ends = readonly [string, string];

/** A packet and its answer. */
const both = (macs: Ends, ips: Ends): TestPacket[] => [
  { macs: [macs[0], macs[1]], ips: [ips[0], ips[1]], ports: [5000, 443], transport: 6 },
  { macs: [macs[1], macs[0]], ips: [ips[1], ips[0]], ports: [443, 5000], transport: 6 },
];

const found = (packets: readonly TestPacket[]) => {
  const { table } = makeTable(packets);
  const { isGateway } = findGateways(table);
  return table.macs.filter((_, row) => isGateway[row] === 1);
};

describe('a gateway', () => {
  test('is found by one remote network, from both directions', () => {
    expect(found(both([plug, gateway], ['192.168.1.5', '198.51.100.7']))).toEqual([gateway]);
    expect(found(both([gateway, plug], ['198.51.100.7', '172.16.0.5']))).toEqual([gateway]);
  });

  test('is found where frames name their sender only', () => {
    const cooked = both([plug, gateway], ['10.0.0.5', '198.51.100.7']).map(
      (packet): TestPacket => ({ ...packet, macs: [packet.macs![0], ''] }),
    );
    expect(found(cooked)).toEqual([gateway]);
  });

  test('is found with IPv6 alone, by one remote network, where two hosts show which prefix is the home', () => {
    expect(
      found([
        ...both([plug, gateway], ['2001:db8:1::5', '2001:db8:ffff::1']),
        ...both([camera, gateway], ['2001:db8:1::6', '2001:db8:ffff::1']),
      ]),
    ).toEqual([gateway]);
  });

  test.each([
    ['made of its MAC address', '2001:db8:1::ff:fe00:1'],
    ['that its link-local address has', '2001:db8:1::77'],
  ])('is found with IPv6 alone and one host, whose address has the interface identifier %s', (_, address) => {
    expect(
      found([
        { macs: [plug, '33:33:00:00:00:16'], ips: ['fe80::77', 'ff02::16'], transport: 58 },
        ...both([plug, gateway], [address, '2001:db8:ffff::1']),
      ]),
    ).toEqual([gateway]);
  });

  test('may be one of two', () => {
    expect(
      found([
        ...both([plug, gateway], ['10.0.0.5', '198.51.100.7']),
        ...both([camera, second], ['10.0.0.6', '203.0.113.9']),
      ]),
    ).toEqual([gateway, second]);
  });

  test('may stand in a home whose hosts have public addresses', () => {
    expect(
      found([
        ...both([plug, gateway], ['192.0.2.5', '198.51.100.7']),
        ...both([camera, gateway], ['192.0.2.6', '198.51.100.7']),
      ]),
    ).toEqual([gateway]);
  });
});

describe('no gateway', () => {
  test('is a host with a prefix anew each day', () => {
    const days = [1, 2, 3, 4, 5].flatMap((day) =>
      [1, 2].flatMap((remote) => both([plug, gateway], [`2001:db8:${day}::5`, `2606:4700:${remote}::1`])),
    );
    const home = both([plug, gateway], ['192.168.1.5', '198.51.100.7']);
    expect(found([...home, ...days])).toEqual([gateway]);
    // By numbers alone, where there is no IPv4.
    const many = [1, 2, 3, 4, 5, 6, 7].flatMap((remote) =>
      both([plug, gateway], [`2001:db8:${1 + (remote % 4)}::5`, `2606:4700:${remote}::1`]),
    );
    expect(found(many)).toEqual([gateway]);
  });

  test('is a host that sends from its address in a VPN, which nobody answers to it', () => {
    expect(
      found([
        ...both([plug, gateway], ['192.168.1.5', '198.51.100.7']),
        { macs: [plug, camera], ips: ['100.64.1.2', '192.168.1.6'], transport: 17 },
        { macs: [camera, gateway], ips: ['192.168.1.6', '100.64.1.2'], transport: 17 },
      ]),
    ).toEqual([gateway]);
  });

  test('is a host with neighbours in its public network', () => {
    expect(found(both([plug, camera], ['2001:db8:1::5', '2001:db8:1::6']))).toEqual([]);
    expect(found(both([plug, camera], ['192.168.1.5', '192.168.1.6']))).toEqual([]);
  });

  test('is a hub that forwards for hosts behind it with addresses of the home', () => {
    expect(
      found([
        ...both([plug, gateway], ['fd00:1::5', 'fd00:2::1']),
        ...both([plug, gateway], ['fd00:3::5', 'fd00:2::1']),
        ...both([plug, gateway], ['192.168.1.5', '198.51.100.7']),
      ]),
    ).toEqual([gateway]);
  });
});

const labelsOf = (...addresses: readonly (readonly [string, string])[]): Label[] =>
  addresses.map(([device, address]) => ({
    address,
    kind: address.includes('.') ? 'ip' : 'mac',
    device,
    category: 'iot',
  }));

function counts(packets: readonly TestPacket[], labels: readonly Label[]) {
  const { table, report } = makeTable(packets);
  const { coverage, warnings, trace } = labelPackets(table, report, { by: 'address', labels });
  const devices = coverage.devices.map(({ name, outbound, inbound }) => `${name} ${outbound}/${inbound}`);
  return { devices, warnings, wan: [...trace.flow].map((row) => trace.flows.wan[row]) };
}

describe('a labelled gateway', () => {
  const home = [
    ...both([camera, gateway], ['192.168.1.6', '198.51.100.7']),
    ...both([plug, gateway], ['192.168.1.5', '203.0.113.9']),
    // Its answers to questions for names, and what it says to all.
    ...both([camera, gateway], ['192.168.1.6', '192.168.1.1']),
    { macs: [gateway, broadcast], ips: ['192.168.1.1', '255.255.255.255'], transport: 17 },
    { macs: [gateway, broadcast] },
  ] satisfies TestPacket[];
  const warning = /^Router \(.*\) is a gateway/;

  test.each([
    ['by MAC address', gateway],
    ['by IP address', '192.168.1.1'],
  ])('%s: gets its own traffic, and nothing that others have a part in', (kind, address) => {
    const own = kind === 'by MAC address' ? 2 : 1;
    for (const devices of [
      labelsOf(['Camera', camera], ['Plug', plug]),
      labelsOf(['Camera', '192.168.1.6'], ['Plug', '192.168.1.5']),
    ]) {
      const with_ = counts(home, [...devices, ...labelsOf(['Router', address])]);
      expect(with_.devices).toEqual(['Camera 2/2', 'Plug 1/1', `Router ${own}/0`]);
      expect(with_.warnings).toEqual([expect.stringMatching(warning)]);
      expect(counts(home, devices)).toMatchObject({ devices: ['Camera 2/2', 'Plug 1/1'], warnings: [] });
      // Packets that it forwards cross the gateway.
      expect(with_.wan.slice(0, 4)).toEqual([1, 1, 1, 1]);
    }
  });

  test('in cooked captures', () => {
    const cooked = home.map((packet): TestPacket => ({ ...packet, macs: [packet.macs![0], ''] }));
    const { devices, warnings } = counts(cooked, labelsOf(['Camera', camera], ['Plug', plug], ['Router', gateway]));
    expect(devices).toEqual(['Camera 2/2', 'Plug 1/1', 'Router 2/0']);
    expect(warnings).toHaveLength(1);
  });

  test('does not get what it forwards for hosts without a label', () => {
    const { devices } = counts(home, labelsOf(['Plug', plug], ['Router', gateway]));
    expect(devices).toEqual(['Plug 1/1', 'Router 3/1']);
  });

  test('changes no packet of any other device', () => {
    const hosts = [plug, camera, gateway, second, broadcast, ''];
    const ips = [
      '192.168.1.5',
      '192.168.1.6',
      '192.168.1.1',
      '8.8.8.8',
      '9.9.9.9',
      '2001:db8:1::5',
      '2001:db8:1::6',
      '',
    ];
    const packet = fc.record({
      macs: fc.tuple(fc.constantFrom(...hosts), fc.constantFrom(...hosts)),
      ips: fc.tuple(fc.constantFrom(...ips), fc.constantFrom(...ips)),
      transport: fc.constant(17),
    });
    const others = labelsOf(['Camera', camera], ['Plug', '192.168.1.5']);
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 30 }), (random) => {
        const packets: TestPacket[] = [...both([plug, gateway], ['192.168.1.5', '8.8.8.8']), ...random];
        // Random packets may make gateways of other stations. Only the one with the label must be one.
        const gateways = found(packets);
        fc.pre(gateways.includes(gateway) && !gateways.includes(plug) && !gateways.includes(camera));
        const without = counts(packets, others).devices;
        expect(counts(packets, [...others, ...labelsOf(['Router', gateway])]).devices.slice(0, 2)).toEqual(without);
      }),
    );
  });
});

test('behind a range extender the label of an IP address goes before that of the MAC address', () => {
  const extender = '02:00:00:00:00:0e';
  const packets = [
    ...both([extender, gateway], ['192.168.1.5', '198.51.100.7']),
    ...both([extender, gateway], ['192.168.1.9', '198.51.100.7']),
    ...both([extender, gateway], ['192.168.1.5', '198.51.100.7']),
    ...both([extender, gateway], ['192.168.1.9', '198.51.100.7']),
  ];
  expect(counts(packets, labelsOf(['Extender', extender], ['Plug', '192.168.1.5'])).devices).toEqual([
    'Extender 2/2',
    'Plug 2/2',
  ]);
  const third = [...packets.slice(0, 2), ...both([extender, gateway], ['192.168.1.2', '198.51.100.7']), ...packets];
  const { warnings } = counts([...third, ...third], labelsOf(['Extender', extender]));
  expect(warnings).toEqual([
    expect.stringMatching(
      /^Extender \(.*\) sends from 3 private addresses at a time \(192\.168\.1\.5, 192\.168\.1\.2, /,
    ),
  ]);
});

describe('an IP address that several stations use', () => {
  const moves = [
    ...both([plug, gateway], ['192.168.1.5', '198.51.100.7']),
    ...both([camera, gateway], ['192.168.1.5', '198.51.100.7']),
  ];

  test('is told where its label gets the packets of all', () => {
    const { warnings } = counts(moves, labelsOf(['Plug', '192.168.1.5']));
    expect(warnings).toEqual([
      `192.168.1.5, labelled Plug, is used by 2 MAC addresses: ${plug} (1 packets, 1970-01-01 00:00:00 to 1970-01-01 00:00:00 UTC), ${camera} (1 packets, 1970-01-01 00:00:02 to 1970-01-01 00:00:02 UTC); all of it counts as Plug, unless labels name the MAC addresses`,
    ]);
  });

  test('is none to tell where the stations have labels of their own', () => {
    expect(counts(moves, labelsOf(['Plug', '192.168.1.5'], ['Plug', plug], ['Camera', camera]))).toMatchObject({
      devices: ['Plug 1/1', 'Camera 1/1'],
      warnings: [],
    });
  });

  test('counts, where frames name their sender only, as of who sent from it last', () => {
    const cooked = moves.map((packet): TestPacket => ({ ...packet, macs: [packet.macs![0], ''] }));
    expect(counts(cooked, labelsOf(['Plug', plug], ['Camera', camera])).devices).toEqual(['Plug 1/1', 'Camera 1/1']);
  });
});

needs(noShared('cases')).describe('captures that failed once', () => {
  const inspect = async (folder: string, labels: string) => {
    const { coverage, warnings } = await loadTrace(
      [sharedPath(`cases/${folder}/home.pcap`)],
      sharedPath(`cases/${folder}/${labels}`),
    );
    return {
      devices: coverage.devices.map(({ name, outbound, inbound }) => `${name} ${outbound}/${inbound}`),
      warnings,
    };
  };

  test('01: a gateway among the labels', async () => {
    const { devices, warnings } = await inspect('01-labelled-gateway', 'labels.csv');
    expect(devices).toEqual(['Camera 30/30', 'Plug 30/30', 'Router (Gateway) 0/0']);
    expect(warnings).toEqual([expect.stringContaining('Router (Gateway) (02:00:5e:00:00:01) is a gateway')]);
  });

  test('11: labels in windows-1252', async () => {
    const { devices, warnings } = await inspect('11-labels-windows-1252', 'labels.csv');
    expect(devices).toEqual(['Küche 10/10', 'Käche 10/10']);
    expect(warnings).toEqual([expect.stringContaining('labels.csv:2: not UTF-8, read as windows-1252')]);
  });

  test('12: captures that were rotated', async () => {
    const { coverage } = await loadTrace([sharedPath('cases/12-rotated-labels-file/captures')], 'file');
    expect(coverage.devices.map(({ name, outbound, inbound }) => `${name} ${outbound}/${inbound}`)).toEqual([
      'camera 30/30',
      'plug 30/30',
    ]);
  });

  test.each(['sep-line.csv', 'utf16.csv', 'extra-column.csv', 'empty-rows.csv'])('19: %s', async (labels) => {
    expect((await inspect('19-label-tables', labels)).devices).toEqual(['Camera 5/5']);
  });

  test('22: an address that moves from one station to another', async () => {
    const { warnings } = await inspect('22-ip-label-dhcp-moves', 'labels.csv');
    expect(warnings).toEqual([
      expect.stringMatching(/^192\.168\.1\.11, .* 02:00:5e:00:00:11 \(15 packets, .* 02:00:5e:00:00:12 \(15 packets, /),
    ]);
  });
});

needs(noShared('data/tjoconnor')).test(
  "the devices of tjoconnor are as they are without the gateway's label",
  async () => {
    const folder = sharedPath('data/tjoconnor');
    const labels = readLabelling(`${folder}/labels.csv`);
    if (labels.by !== 'address') throw new Error('expected addresses');
    const { readCaptures } = await import('../../../src/trace/read/read.js');
    const { table, report } = await readCaptures([folder]);
    const without = labelPackets(table, report, labels).coverage.devices;
    const router: Label = { address: '00:1c:7f:53:d0:28', kind: 'mac', device: 'router', category: 'non-iot' };
    const { coverage, trace } = labelPackets(table, report, { by: 'address', labels: [...labels.labels, router] });
    expect(coverage.devices.slice(0, 7)).toEqual(without);
    expect(coverage.devices[7]).toMatchObject({ name: 'router', packets: 0 });
    expect(trace.flows.wan).toContain(1);
  },
);
