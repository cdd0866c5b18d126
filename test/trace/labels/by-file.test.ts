import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/shared/errors.js';
import type { Labelling } from '../../../src/trace/labels/label-file.js';
import { labelPackets } from '../../../src/trace/labels/labels.js';
import { makeTable, type TestPacket } from '../../support/make-table.js';

const hub = '02:00:00:00:00:0a';
const plug = '02:00:00:00:00:01';
const camera = '02:00:00:00:00:02';
const lamp = '02:00:00:00:00:03';
const phone = '02:00:00:00:00:0f';
const gateway = '02:00:00:00:00:fe';
const ip = (mac: string) => `192.168.1.${Number.parseInt(mac.slice(-2), 16)}`;

/** `count` packets and answers between two stations; the gateway brings what is outside. */
const talk = (file: string, a: string, b: string, count: number): TestPacket[] =>
  Array.from({ length: count }, (): TestPacket[] => {
    const remote = b === gateway ? '198.51.100.7' : ip(b);
    return [
      { macs: [a, b], ips: [ip(a), remote], ports: [5000, 443], transport: 6, file },
      { macs: [b, a], ips: [remote, ip(a)], ports: [443, 5000], transport: 6, file },
    ];
  }).flat();

const raw = (file: string, from: string, to: string, count: number): TestPacket[] =>
  Array.from({ length: count }, () => ({ macs: ['', ''], ips: [from, to], transport: 17, file }) as const);

function label(packets: readonly TestPacket[], labelling: Labelling = { by: 'folder' }) {
  const { table, report } = makeTable(packets);
  const { coverage, warnings, identical, trace } = labelPackets(table, report, labelling);
  const devices = Object.fromEntries(
    coverage.devices.map(({ name, addresses, packets }) => [
      name,
      [...addresses.map(({ address }) => address), packets],
    ]),
  );
  return { devices, warnings, identical, trace };
}

describe("a device's own address, where captures are labelled as a whole", () => {
  test('is that of a hub, though it is in the captures of all and a neighbour is in no other', () => {
    const { devices, warnings } = label([
      ...talk('hub/1.pcap', hub, gateway, 30),
      ...talk('hub/1.pcap', hub, plug, 10),
      ...talk('hub/1.pcap', lamp, gateway, 1),
      ...talk('plug/1.pcap', plug, hub, 20),
      ...talk('camera/1.pcap', camera, hub, 20),
    ]);
    expect(devices).toEqual({ hub: [hub, 80], plug: [plug, 40], camera: [camera, 40] });
    expect(warnings).toEqual([]);
  });

  test('is that of each of two that talk only to each other', () => {
    const { devices } = label([
      ...talk('hub/1.pcap', hub, plug, 20),
      ...talk('hub/1.pcap', hub, lamp, 5),
      ...talk('plug/1.pcap', plug, hub, 20),
    ]);
    expect(devices).toEqual({ hub: [hub, 50], plug: [plug, 40] });
  });

  test('is not that of a phone which is louder in every capture', () => {
    const { devices } = label([
      ...talk('plug/1.pcap', phone, gateway, 30),
      ...talk('plug/1.pcap', plug, gateway, 10),
      ...talk('camera/1.pcap', phone, gateway, 30),
      ...talk('camera/1.pcap', phone, camera, 5),
      ...talk('camera/1.pcap', camera, gateway, 5),
    ]);
    expect(devices).toEqual({ plug: [plug, 20], camera: [camera, 20] });
  });

  test('weighs packets, not files', () => {
    const { devices } = label([
      ...[1, 2, 3].flatMap((n) => [
        ...talk(`plug/${n}.pcap`, lamp, gateway, 1),
        ...talk(`plug/${n}.pcap`, plug, gateway, n),
      ]),
      ...talk('plug/4.pcap', lamp, gateway, 1),
      ...talk('plug/5.pcap', plug, gateway, 20),
    ]);
    expect(devices).toEqual({ plug: [plug, 52] });
  });

  test('on raw IP is one of IPv4 and one of IPv6, whatever a link-local address says now and then', () => {
    const { devices } = label([
      ...raw('plug/1.pcap', '2001:db8:1::5', '2606:4700::1', 200),
      ...raw('plug/1.pcap', '2606:4700::2', '2001:db8:1::5', 100),
      ...raw('plug/1.pcap', 'fe80::1', 'fe80::2', 5),
      ...raw('plug/1.pcap', '10.0.0.5', '198.51.100.7', 50),
      ...raw('plug/1.pcap', '203.0.113.9', '10.0.0.5', 50),
    ]);
    expect(devices).toEqual({ plug: ['10.0.0.5', '2001:db8:1::5', 400] });
  });

  test('is another in files that lack the first: Wi-Fi and Ethernet', () => {
    const wired = '02:00:00:00:00:1a';
    const { devices } = label([
      ...talk('hub/1.pcap', hub, gateway, 10),
      ...talk('hub/2.pcap', wired, gateway, 5),
      ...talk('plug/1.pcap', plug, gateway, 5),
    ]);
    expect(devices).toEqual({ hub: [hub, wired, 30], plug: [plug, 10] });
  });

  test('is found by link and by IP where files differ in that', () => {
    const { devices } = label([
      ...talk('plug/1.pcap', plug, gateway, 10),
      ...raw('plug/2.pcap', ip(plug), '198.51.100.7', 4),
    ]);
    expect(devices).toEqual({ plug: [plug, ip(plug), 24] });
  });
});

describe('one address for two devices', () => {
  test('is told, where it is in nearly all packets of both', () => {
    const { devices, warnings } = label([
      ...talk('bridge/1.pcap', hub, gateway, 20),
      ...talk('switch/1.pcap', hub, gateway, 10),
    ]);
    expect(devices).toEqual({ bridge: [hub, 40], switch: [hub, 20] });
    expect(warnings).toEqual([
      `bridge, switch have one address, ${hub}, in nearly all of their packets: one host under several names, or hosts that had the same address at other times`,
    ]);
  });

  test('leaves out the one whose packets are for a part those of others', () => {
    const { devices, warnings } = label([
      ...talk('hub/1.pcap', hub, gateway, 20),
      // The sensor was asleep: its capture has the hub, and a little of two others.
      ...talk('sensor/1.pcap', hub, gateway, 20),
      ...talk('sensor/1.pcap', lamp, gateway, 4),
      ...talk('sensor/1.pcap', camera, gateway, 4),
      ...talk('lamp/1.pcap', lamp, gateway, 9),
      ...talk('camera/1.pcap', camera, gateway, 9),
    ]);
    expect(devices).toEqual({ hub: [hub, 40], sensor: [0], lamp: [lamp, 18], camera: [camera, 18] });
    expect(warnings).toEqual([
      `sensor: left out, since the address in most packets, ${hub}, is hub's own: a neighbour's packets would count; label by address`,
    ]);
  });
});

describe('folders above the one that a file is in', () => {
  const packets = [
    ...talk('data/camera/on/1.pcap', camera, gateway, 20),
    ...talk('data/camera/off/1.pcap', camera, gateway, 10),
    ...talk('data/plug/on/1.pcap', plug, gateway, 20),
    ...talk('data/plug/off/1.pcap', plug, gateway, 10),
  ];

  test('are the devices with folder=2', () => {
    const { devices, warnings } = label(packets, { by: 'folder', level: 2 });
    expect(devices).toEqual({ camera: [camera, 60], plug: [plug, 60] });
    expect(warnings).toEqual([]);
  });

  test('are the devices with folder=top, however deep files lie', () => {
    const deeper = [
      ...packets,
      ...talk('data/lamp/1.pcap', lamp, gateway, 5),
      ...talk('data/lamp/a/b/2.pcap', lamp, gateway, 5),
    ];
    const { devices } = label(deeper, { by: 'folder', level: 'top', roots: ['data'] });
    expect(devices).toEqual({ camera: [camera, 60], plug: [plug, 60], lamp: [lamp, 20] });
    const inOne = label(packets, { by: 'folder', level: 'top', roots: ['data/camera', 'data'] });
    expect(inOne.devices).toEqual({ off: [camera, 20], on: [camera, 40], plug: [plug, 60] });
  });

  test('are hinted at where activities are taken for devices', () => {
    const hint =
      'the folders above (camera, plug) fit the addresses in the captures better than on, off: where activities lie below devices, use --labels folder=2';
    expect(label(packets).warnings).toContain(hint);
    const others = [
      ...talk('data/camera/watch/1.pcap', camera, gateway, 20),
      ...talk('data/camera/talk/1.pcap', camera, gateway, 20),
      ...talk('data/plug/on/1.pcap', plug, gateway, 20),
      ...talk('data/plug/off/1.pcap', plug, gateway, 20),
    ];
    expect(label(others).warnings.join()).toContain('use --labels folder=2');
  });

  test('are not hinted at where devices lie below parts of the data', () => {
    const parts = ['train', 'test'].flatMap((part) => [
      ...talk(`data/${part}/camera/1.pcap`, camera, gateway, 20),
      ...talk(`data/${part}/plug/1.pcap`, plug, gateway, 20),
    ]);
    expect(label(parts)).toMatchObject({ devices: { camera: [camera, 80], plug: [plug, 80] }, warnings: [] });
  });

  test('that hold several devices are told', () => {
    const { devices, warnings } = label(
      [plug, camera, lamp].flatMap((mac, i) => talk(`data/${i}/1.pcap`, mac, gateway, 5 + i)),
      { by: 'folder', level: 2 },
    );
    expect(devices).toEqual({ data: [lamp, plug, camera, 36] });
    expect(warnings).toEqual([
      'data has 3 MAC addresses, each in other files: are these several devices, whose folders lie deeper?',
    ]);
  });

  test('that there are not are told', () => {
    const deep = () => label(packets, { by: 'folder', level: 99 });
    expect(deep).toThrow(InputError);
    expect(deep).toThrow('data/camera/on/1.pcap: --labels folder=99: expected 99 folders above it, found none');
    expect(() => label(packets, { by: 'folder', level: 'top', roots: ['data/camera/on', 'data/camera'] })).toThrow(
      'data/camera/on/1.pcap: --labels folder=top: expected a folder between the path that was given and the file, found none',
    );
  });
});

test('files with the same packets are told, whatever their names', () => {
  const talks = (file: string, count: number) =>
    talk(file, plug, gateway, count).map((one, time) => ({ ...one, time }));
  const { identical, warnings } = label([...talks('a/1.pcap', 8), ...talks('a/2.pcap', 8), ...talks('a/3.pcap', 9)]);
  expect(identical).toEqual([['a/1.pcap', 'a/2.pcap']]);
  expect(warnings).toEqual(['a/1.pcap, a/2.pcap hold the same packets, which count 2 times']);
  const later = talks('a/2.pcap', 8).map((one) => ({ ...one, time: one.time + 1 }));
  expect(label([...talks('a/1.pcap', 8), ...later]).identical).toEqual([]);
});
