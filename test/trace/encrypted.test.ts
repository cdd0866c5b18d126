import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { views } from '../../src/harness/plugins/registry.js';
import { createRng } from '../../src/shared/rng.js';
import type { LabelledTrace } from '../../src/trace/labels/labels.js';
import { loadTrace } from '../../src/trace/load.js';
import { Direction } from '../../src/trace/trace.js';
import { observe } from '../../src/view/observe.js';
import { pcap, temporaryFolder } from '../support/fixtures.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { ACCESS_POINT, CAMERA, down, EVERYBODY, PLUG, up, wlanFrame } from '../support/wlan-frames.js';

const folder = temporaryFolder();

/** Writes the frames, a second apart, each with a number of its own. */
function capture(name: string, frames: readonly ((sequence: number) => Buffer)[]): string {
  const path = join(folder, name);
  const records = frames.map((frame, i) => ({ data: frame(i + 1), seconds: 1000 + i }));
  writeFileSync(path, pcap(records, { link: 105 }));
  return path;
}

function labels(name: string, ...rows: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['mac,device', ...rows].join('\n'));
  return path;
}

/** Device, direction and length of each packet of a trace. */
function packetsOf({ trace }: LabelledTrace): string[] {
  return Array.from({ length: trace.packets }, (_, i) => {
    const name = trace.devices[trace.device[i]!]!.name;
    return `${name} ${trace.direction[i] === Direction.OUTBOUND ? 'out' : 'in'} ${trace.length[i]}`;
  });
}

const upOf = (station: string, body?: number) => (sequence: number) => up(station, { sequence, body });
const downOf = (station: string, body?: number) => (sequence: number) => down(station, { sequence, body });

const two = [upOf(CAMERA, 374), downOf(CAMERA), upOf(PLUG), downOf(PLUG, 100), downOf(EVERYBODY)];

describe('encrypted Wi-Fi', () => {
  it('is its stations’ without labels, never the access point’s', async () => {
    const loaded = await loadTrace([capture('two.pcap', two)], null);
    expect(loaded.trace.devices.map(({ name }) => name)).toEqual([CAMERA, PLUG]);
    expect(packetsOf(loaded)).toEqual([`${CAMERA} out 400`, `${CAMERA} in 82`, `${PLUG} out 82`, `${PLUG} in 126`]);
    expect(loaded.report).toMatchObject({ read: 5, kept: 4, dropped: { 'no labelled device': 1 } });
  });

  it('is a flow of each station with the access point, inside the home, without ports', async () => {
    const { trace } = await loadTrace([capture('two.pcap', two)], null);
    const { flows } = trace;
    const name = (row: number) => flows.addresses[row];
    expect([...trace.flow]).toEqual([0, 0, 1, 1]);
    expect([...trace.port, ...flows.transport, ...flows.wan]).toEqual(Array(8).fill(0));
    expect([...flows.localAddress].map(name)).toEqual([CAMERA, PLUG]);
    expect([...flows.remoteAddress].map(name)).toEqual([ACCESS_POINT, ACCESS_POINT]);
  });

  it('belongs to labelled devices, and a labelled access point gets only a warning', async () => {
    const file = labels('all.csv', `${CAMERA},camera`, `${ACCESS_POINT},router`);
    const loaded = await loadTrace([capture('two.pcap', two)], file);
    expect(packetsOf(loaded)).toEqual(['camera out 400', 'camera in 82']);
    expect(loaded.report.dropped).toEqual({ 'no labelled device': 3 });
    expect(loaded.warnings).toEqual([
      expect.stringMatching(new RegExp(`^router \\(${ACCESS_POINT}\\) is a gateway: `)),
      expect.stringMatching(/^5 of 5 packets are encrypted 802\.11 frames/),
    ]);
  });

  it('of one device a file is that device’s, not the access point’s', async () => {
    const paths = [
      capture('camera.pcap', [upOf(CAMERA), downOf(CAMERA), downOf(CAMERA)]),
      capture('plug.pcap', [upOf(PLUG), downOf(PLUG)]),
    ];
    const { coverage } = await loadTrace(paths, 'file');
    const found = coverage.devices.map((one) => [one.name, one.addresses[0]?.address, one.outbound, one.inbound]);
    expect(found).toEqual([
      ['camera', CAMERA, 1, 2],
      ['plug', PLUG, 1, 1],
    ]);
  });

  it('that the access point passes on is sent twice: out of one station, and into the other', async () => {
    const loaded = await loadTrace(
      [
        capture('relayed.pcap', [
          (sequence) => wlanFrame({ flags: 0x41, addresses: [ACCESS_POINT, CAMERA, PLUG], sequence }),
          (sequence) => wlanFrame({ flags: 0x42, addresses: [PLUG, ACCESS_POINT, CAMERA], sequence }),
        ]),
      ],
      labels('both.csv', `${CAMERA},camera`, `${PLUG},plug`),
    );
    expect(packetsOf(loaded)).toEqual(['camera out 82', 'plug in 82']);
  });

  it('of a range extender, an access point to some and a station to another, is its stations’', async () => {
    const extender = '02:bb:00:00:00:0e';
    const frames = [0, 1, 2].flatMap(() => [
      (sequence: number) => wlanFrame({ flags: 0x41, addresses: [extender, CAMERA, ACCESS_POINT], sequence }),
      upOf(extender),
      downOf(extender),
      (sequence: number) => wlanFrame({ flags: 0x42, addresses: [CAMERA, extender, ACCESS_POINT], sequence }),
    ]);
    const loaded = await loadTrace([capture('extender.pcap', frames)], null);
    expect(new Set(packetsOf(loaded))).toEqual(new Set([`${CAMERA} out 82`, `${CAMERA} in 82`]));
    expect(loaded.trace.packets).toBe(6);
  });

  it('of a device that once was an access point, as for its set-up, is the device’s', async () => {
    const frames = [
      (sequence: number) => wlanFrame({ flags: 0x42, addresses: [PLUG, CAMERA, CAMERA], sequence }),
      ...Array.from({ length: 20 }, () => upOf(CAMERA)),
    ];
    const file = labels('camera.csv', `${CAMERA},camera`);
    expect((await loadTrace([capture('setup.pcap', frames)], file)).trace.packets).toBe(21);
  });

  it('is seen from inside the home only, as one line says', async () => {
    const { trace } = await loadTrace([capture('two.pcap', two)], null);
    const look = (name: string) => {
      const view = views.find((one) => one.name === name)!;
      const parameters = view.parameters.parse({});
      return () => observe(trace, { view, parameters }, [], { rng: createRng(1) });
    };
    expect(look('lan')().trace.packets).toBe(4);
    for (const name of ['napt', 'vpn']) {
      expect(look(name)).toThrow(
        expect.objectContaining({
          name: 'InputError',
          message: `view ${name}: none of 4 packets shows an IP address, as in encrypted Wi-Fi, so none is known to cross the gateway; use the view lan`,
        }),
      );
    }
  });

  needs(noShared('cases/15-wifi-encrypted-frames')).test(
    'of the case of two devices is half out, half in',
    async () => {
      const file = (name: string) => sharedPath(`cases/15-wifi-encrypted-frames/${name}`);
      const { coverage } = await loadTrace([file('air.pcap')], file('labels.csv'));
      expect(coverage.devices.map((one) => [one.name, one.outbound, one.inbound])).toEqual([
        ['Camera', 30, 30],
        ['Plug', 30, 30],
      ]);
    },
  );
});
