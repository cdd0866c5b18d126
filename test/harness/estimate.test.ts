import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { estimateAll } from '../../src/harness/estimate.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { mostFrames } from '../../src/shaping/simulate.js';
import { ethernet, filler, ipv4, pcap, readBytes, temporaryFolder, udp } from '../support/fixtures.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { homeveilHere } from '../support/run-cli.js';

const folder = temporaryFolder();
const labels = join(folder, 'labels.csv');
writeFileSync(labels, 'mac,device\n02:00:00:00:00:10,lamp\n02:00:00:00:00:11,plug\n');

/** Two devices that send in turn, `apart` seconds from one packet to the next. */
async function captureOf(packets: number, apart: number): Promise<string> {
  const frames = [10, 11].map((host) =>
    ethernet(0x0800, ipv4(17, udp(40000, 53, filler(100)), { from: `10.0.0.${host}` }), {
      from: `02:00:00:00:00:${host}`,
    }),
  );
  const path = join(folder, `${packets}-${apart}.pcap`);
  await readBytes(
    path,
    pcap(Array.from({ length: packets }, (_, i) => ({ data: frames[i % 2]!, seconds: 1_700_000_000 + i * apart }))),
  );
  return path;
}

const specOf = (data: string, defense: string) =>
  resolveSpec({
    data: [data],
    labels,
    defenses: [defense],
    adversaries: ['static'],
    minimumPackets: 10,
    window: 10,
  });

test('cover that no memory has room for is told by the dry run, which ends soon', async () => {
  // Packets once in 59 minutes are no gap: that is 24 days of cover.
  const path = await captureOf(600, 3540);
  const [estimate] = await estimateAll([specOf(path, 'constant-rate:interval=0.001')], { threads: 1 });
  expect(mostFrames()).toBeLessThan((600 * 3540 * 2) / 0.001 / 2);
  expect(estimate!.warnings.join('\n')).toMatch(
    /^constant-rate:interval=0\.001 would send about 2,5\d\d,\d{3},\d{3} frames, 3\.\d\d TB, more than memory here has room for/m,
  );
}, 60_000);

test('cover of a gap is in no estimate', async () => {
  const path = await captureOf(600, 4000);
  const [estimate] = await estimateAll([specOf(path, 'dummy')], { threads: 1 });
  expect(estimate!.warnings.filter((line) => line.startsWith('no packet for'))).toHaveLength(3);
  expect(estimate!.warnings.filter((line) => line.includes('memory'))).toEqual([]);
  expect(estimate!.seconds).toBeLessThan(60);
});

needs(noShared('cases/03-clock-jump-cover')).test(
  'the dry run tells that the clock jumped',
  async () => {
    const at = (file: string) => sharedPath(`cases/03-clock-jump-cover/${file}`);
    const given = ['--data', at('jump.pcap'), '--labels', at('labels.csv'), '--defense', 'none', '--defense', 'dummy'];
    const refused = await homeveilHere('bench', '--dry-run', ...given);
    expect([refused.status, refused.stderr.trim().split('\n')]).toEqual([
      1,
      [expect.stringMatching(/expected at least two devices .*\(no packet for 20458 d 07 h after the first 8, /)],
    ]);
    const { status, stdout } = await homeveilHere('bench', '--dry-run', ...given, '--minimum-packets', '5');
    expect(status).toBe(0);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('no packet for 20458 d 07 h after the first 8, ');
  },
  60_000,
);
