import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { InputError } from '../../src/shared/errors.js';
import { loadTrace } from '../../src/trace/load.js';
import { createTraceBuilder } from '../../src/trace/trace.js';
import { deviceMac } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { needs, noProgram, noShared, sharedPath } from '../support/needs.js';

const data = sharedPath('data/');
const folder = mkdtempSync(join(tmpdir(), 'homeveil-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A capture of one DNS question of one device. */
function writeCapture(name: string): string {
  const path = join(folder, name);
  const builder = createTraceBuilder([{ name: 'plug', category: 'iot' }]);
  const addresses = { localAddress: '192.168.1.2', remoteAddress: '9.9.9.9' };
  const flow = builder.flow({ transport: 17, localPort: 5000, remotePort: 53, ...addresses, wan: true, header: 14 });
  builder.push({ time: 1, length: 80, direction: 1, protocols: 1 | 4 | 32, port: 53, flow, device: 0 });
  writePcap(builder.build(), path);
  return path;
}

test('captures and labels make a trace', async () => {
  const capture = writeCapture('one.pcap');
  const labels = join(folder, 'labels.csv');
  writeFileSync(labels, `mac,device\n${deviceMac(0)},plug\n`);
  const { trace, report, coverage } = await loadTrace([capture], labels);
  expect([trace.packets, report.kept, coverage.devices[0]!.outbound]).toEqual([1, 1, 1]);
});

test('labels that fit nothing in the captures are an error that names the hosts there are', async () => {
  const capture = writeCapture('two.pcap');
  const labels = join(folder, 'others.csv');
  writeFileSync(labels, 'mac,device\n02:00:00:00:00:99,camera\n');
  const loading = loadTrace([capture], labels);
  await expect(loading).rejects.toThrow(InputError);
  await expect(loading).rejects.toThrow(`found none of them among 1 packets (their hosts: ${deviceMac(0)}`);
});

test('a file that is no capture is told in one line', async () => {
  const file = join(folder, 'text.pcap');
  writeFileSync(file, 'version https://git-lfs.github.com/spec/v1\n');
  await expect(loadTrace([file], 'file')).rejects.toThrow(/text.pcap: expected a pcap or pcapng file/);
});

needs(noShared('data')).describe('real captures', () => {
  test('every device of tjoconnor has both directions, the frames with a VLAN tag too', async () => {
    const { report, coverage } = await loadTrace([join(data, 'tjoconnor')], join(data, 'tjoconnor/labels.csv'));
    expect(report.kept).toBe(200541);
    expect(coverage.devices).toHaveLength(7);
    for (const device of coverage.devices) {
      expect(device.outbound).toBeGreaterThan(1000);
      expect(device.inbound).toBeGreaterThan(1000);
    }
  });

  test('own addresses are found in setup captures full of other hosts', async () => {
    const root = join(data, 'iot-sentinel');
    const { coverage } = await loadTrace([root], 'folder');
    const truth = readdirSync(root).map((name) => [
      name,
      readFileSync(join(root, name, '_iotdevice-mac.txt'), 'utf8')
        .trim()
        .toLowerCase(),
    ]);
    expect(coverage.devices.map((device) => [device.name, device.addresses[0]?.address]).sort()).toEqual(truth.sort());
  });

  needs(noProgram('tshark')).test(
    'packets per device agree with tshark, frames between two devices included',
    async () => {
      const root = join(data, 'madea-may');
      const { coverage } = await loadTrace([root], join(root, 'labels.csv'));
      const devices = new Map(coverage.devices.map((device) => [device.addresses[0]!.address, device.name]));
      const expected = new Map(coverage.devices.map(({ name }) => [name, { outbound: 0, inbound: 0 }]));
      for (const file of readdirSync(root).filter((name) => name.endsWith('.cap'))) {
        // It ends with an error where the last block is cut off; what it said until then counts.
        const fields = ['-T', 'fields', '-e', 'eth.src', '-e', 'eth.dst'];
        const { stdout: text } = spawnSync('tshark', ['-r', join(root, file), ...fields], {
          encoding: 'utf8',
          maxBuffer: 1 << 28,
        });
        for (const line of text.split('\n')) {
          const [source = '', destination = ''] = line.split('\t');
          const sender = devices.get(source);
          const receiver = devices.get(destination);
          if (sender !== undefined) expected.get(sender)!.outbound++;
          else if (receiver !== undefined) expected.get(receiver)!.inbound++;
        }
      }
      for (const { name, outbound, inbound } of coverage.devices) {
        expect({ name, outbound, inbound }).toEqual({ name, ...expected.get(name) });
      }
    },
  );
});
