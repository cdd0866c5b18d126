import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { generateFittedHome } from '../../src/home/fitted/home.js';
import { readProfiles } from '../../src/home/fitted/profile.js';
import type { Result } from '../../src/result/result.js';
import { loadTrace } from '../../src/trace/load.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

// The built-in home stands in for a capture: real ones, and what is fitted to them, are not ours to keep.
const made = await homeveilHere(
  'home',
  ...['--hours', '1', '--seed', '3', '--device', 'Echo Dot', 'Tablet', '360 camera'],
  ...['--out', file('home.pcap'), '--labels', file('home.csv')],
);
const fit = homeveil('home', 'fit', file('home.pcap'), '--labels', file('home.csv'), '--out', file('profiles.json'));

test('fit writes profiles with the data and the tool they are of', async () => {
  expect([made.status, fit.status, fit.stderr]).toEqual([0, 0, '']);
  expect(fit.stdout).toMatch(/Echo Dot +[\d,]+ +[\d.]+ +\d+ +\d+ +\d+ +[\d.]+ kB/);
  const { trace } = await loadTrace([file('home.pcap')], file('home.csv'));
  const profiles = readProfiles(file('profiles.json'));
  expect(profiles.schemaVersion).toBe(2);
  expect(profiles.tool.name).toBe('homeveil');
  expect(profiles.data).toMatchObject({ name: 'home.pcap', packets: trace.packets, fromSeconds: trace.time[0] });
  expect(profiles.data.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(profiles.devices.map(({ name }) => name)).toEqual(['Echo Dot', 'Tablet', '360 camera']);
});

test('home generates from profiles a capture that reads as what was generated', async () => {
  const given = ['--profiles', file('profiles.json'), '--hours', '0.5', '--seed', '9'];
  const { status, stdout } = await homeveilHere(
    'home',
    ...given,
    '--out',
    file('again.pcap'),
    '--labels',
    file('again.csv'),
  );
  expect(status).toBe(0);
  expect(stdout).toContain('Tablet');
  const expected = generateFittedHome(readProfiles(file('profiles.json')), { hours: 0.5, seed: 9 });
  const { trace } = await loadTrace([file('again.pcap')], file('again.csv'));
  expect(trace.packets).toBe(expected.packets);
  for (const column of ['length', 'direction', 'protocols', 'port', 'device'] as const) {
    expect(trace[column]).toEqual(expected[column]);
  }
});

test('bench runs on profiles, and its result says so', async () => {
  const small = ['--hours', '0.5', '--minimum-packets', '20', '--attack', 'random-forest:trees=5', '--defense', 'none'];
  const run = await homeveilHere('bench', ...small, '--profiles', file('profiles.json'), '--out', file('report'));
  expect([run.status, run.stderr]).toEqual([0, '']);
  const result: Result = JSON.parse(readFileSync(join(file('report'), 'result.json'), 'utf8'));
  expect(result.spec.data).toMatchObject({ kind: 'synthetic', hours: 0.5, profiles: file('profiles.json') });
  expect(result.dataset).toMatchObject({ synthetic: true, name: 'synthetic home of profiles.json, 0.5 h, seed 1' });
  expect(readFileSync(join(file('report'), 'report.html'), 'utf8')).toContain('--profiles');
});

test('check says how real profiles are, in 80 columns', async () => {
  const given = ['--labels', file('home.csv'), '--seeds', '1', '--trees', '10', '--threads', '1'];
  const { status, stdout } = await homeveilHere('home', 'check', file('home.pcap'), ...given);
  expect(status).toBe(0);
  expect(stdout).toMatch(/the home +0\.\d\d \(0\.\d\d to [01]\.\d\d\)/);
  const accuracyOf = (name: string) => Number(new RegExp(`${name} +([\\d.]+) %`).exec(stdout)?.[1]);
  // Three devices that differ: a forest names most packets, whichever of the two it was trained on.
  expect(accuracyOf('real packets')).toBeGreaterThan(60);
  expect(accuracyOf('generated packets')).toBeGreaterThan(50);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

test.each([
  [['home', 'fit', 'nothing.pcap', '--labels', 'file'], 1, 'nothing.pcap'],
  [['home', 'fit', file('home.pcap')], 2, 'labels'],
  [['home', '--profiles', file('none.json'), '--out', file('x.pcap')], 1, 'none.json: cannot be read: no such file'],
  [['home', '--profiles', file('home.csv'), '--out', file('x.pcap')], 1, 'home.csv: expected profiles as JSON'],
  [
    ['home', '--profiles', file('other.json'), '--out', file('x.pcap')],
    1,
    'other.json: expected profiles that homeveil',
  ],
  [
    ['home', '--profiles', file('profiles.json'), '--device', 'Echo', '--out', file('x.pcap')],
    2,
    'unknown device "Echo"',
  ],
  [['bench', '--profiles', file('none.json'), '--out', file('r')], 1, 'none.json: cannot be read'],
  [
    ['bench', '--profiles', file('profiles.json'), '--data', file('home.pcap'), '--labels', file('home.csv')],
    2,
    '--profiles is for the synthetic home',
  ],
  [
    ['home', 'check', file('home.pcap'), '--labels', file('home.csv'), '--view', 'vpn'],
    2,
    '--view: expected lan or napt',
  ],
  [['home', 'check', file('home.pcap'), '--labels', file('home.csv'), '--seeds', '0'], 2, '--seeds: expected'],
])('%j is refused in one line', async (args, code, message) => {
  writeFileSync(file('other.json'), '{"some":"thing"}');
  const { status, stderr } = await homeveilHere(...args);
  expect([status, stderr.trim().split('\n').length]).toEqual([code, 1]);
  expect(stderr).toContain(message);
  expect(existsSync(file('x.pcap'))).toBe(false);
});
