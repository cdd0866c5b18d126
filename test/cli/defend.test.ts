import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { deviceLabels } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const [home, labels] = [join(folder, 'home.pcap'), join(folder, 'labels.csv')];
beforeAll(() => {
  const trace = generateHome({ hours: 0.05, seed: 8 });
  writePcap(trace, home);
  writeFileSync(labels, formatLabels(deviceLabels(trace)));
});

test('defend writes a capture and prints its cost', () => {
  const out = join(folder, 'padded.pcap');
  const { status, stdout } = homeveil('defend', '--defense', 'pad:rule=mtu', '--labels', labels, home, out);
  expect(status).toBe(0);
  expect(stdout).toContain('home.pcap under pad:rule=mtu, in the lan view');
  expect(stdout).toMatch(/bandwidth +\+[\d.]+ % +[\d.]+ kB became [\d.]+ kB/);
  expect(stdout).toMatch(/packets +\+0\.0 % +([\d,]+) became \1\n/);
  expect(stdout).toMatch(/added delay +0 ms +median; p95 0 ms, p99 0 ms, at most 0 ms/);
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('defend --json prints what it wrote', async () => {
  const out = join(folder, 'split.pcap');
  const { status, stdout } = await homeveilHere('defend', '--defense', 'split', '--view', 'napt', home, out, '--json');
  expect(status).toBe(0);
  const { output, view, cost } = JSON.parse(stdout);
  expect(output).toMatchObject({ path: out, fileBytes: readFileSync(out).length });
  expect([view.name, cost.dropped]).toEqual(['napt', 0]);
});

test('defend --learn may come before the captures, and twice', async () => {
  const [out, one, two] = ['morphed.pcap', 'one.pcap', 'two.pcap'].map((name) => join(folder, name));
  for (const [seed, path] of [one!, two!].entries()) writePcap(generateHome({ hours: 0.05, seed }), path);
  const given = ['--defense', 'morph:device=Tablet', '--labels', labels, '--learn', one!, '--learn', two!];
  const { status, stdout } = await homeveilHere('defend', ...given, home, out!, '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout).data.name).toBe('home.pcap');
});

describe('is refused in one line, and nothing is left', () => {
  test.each<[number, string, string[]]>([
    [1, 'absent.pcap: no such file or folder', ['--defense', 'none', 'absent.pcap', join(folder, 'x.pcap')]],
    [2, 'no defense is called "padd" (did you mean "pad"?)', ['--defense', 'padd', home, join(folder, 'x.pcap')]],
    [2, `${home}: is read, and would be written over`, ['--defense', 'none', home, home]],
    [1, `${labels}/x.pcap: cannot be written`, ['--defense', 'none', home, `${labels}/x.pcap`]],
  ])('%i: %s', async (status, message, args) => {
    const before = readdirSync(folder);
    const run = await homeveilHere('defend', ...args);
    expect([run.status, run.stderr.trim().split('\n').length, run.stdout]).toEqual([status, 1, '']);
    expect(run.stderr).toContain(message);
    expect(readdirSync(folder)).toEqual(before);
  });
});
