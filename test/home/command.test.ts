import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { loadTrace } from '../../src/trace/load.js';
import { readArrow } from '../../src/trace/write/arrow.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

test('home writes a capture and labels that load as one', async () => {
  const [out, labels] = [file('home.pcap'), file('home.csv')];
  const { status, stdout } = homeveil('home', '--hours', '0.2', '--seed', '7', '--out', out, '--labels', labels);
  expect(status).toBe(0);
  expect(stdout).toContain('synthetic: ');
  expect(stdout).toMatch(/Echo Dot +iot +[\d,]+ +[\d,]+ +[\d,]+ +[\d.]+/);
  expect(readFileSync(labels, 'utf8').split('\n').slice(0, 2)).toEqual([
    'mac,device,category',
    '02:48:56:00:00:00,Echo Dot,iot',
  ]);
  const { trace } = await loadTrace([out], labels);
  expect(trace.packets).toBe(generateHome({ hours: 0.2, seed: 7 }).packets);
});

test('home writes an Arrow table, of some devices, from a given time', async () => {
  const out = file('home.arrow');
  const given = ['--hours', '0.5', '--seed', '2', '--start', '2026-07-01T20:00', '--device', 'Tablet', 'Echo Dot'];
  const { status, stdout } = await homeveilHere('home', ...given, '--out', out, '--json');
  expect(status).toBe(0);
  const start = Date.UTC(2026, 6, 1, 20) / 1000;
  const expected = generateHome({ hours: 0.5, seed: 2, start, devices: ['Tablet', 'Echo Dot'] });
  expect(readArrow(out)).toEqual(expected);
  expect(JSON.parse(stdout)).toMatchObject({
    synthetic: true,
    packets: expected.packets,
    devices: [{ name: 'Tablet' }, { name: 'Echo Dot' }],
  });
});

test.each([
  [['--out', 'home.txt'], '--out: expected a name ending in .pcap or .arrow, found "home.txt"'],
  [['--out', 'x.pcap', '--hours', '-1'], 'hours: expected a number above 0'],
  [['--out', 'x.pcap', '--start', 'noon'], '--start: expected a time such as 2026-01-05T16:00, found "noon"'],
  [['--out', 'x.pcap', '--device', 'Echo'], 'unknown device "Echo"'],
])('home %j is refused in one line', async (args, message) => {
  const { status, stderr } = await homeveilHere('home', ...args);
  expect([status, stderr.trim().split('\n').length]).toEqual([2, 1]);
  expect(stderr).toContain(message);
  expect(existsSync('x.pcap')).toBe(false);
});

test('a place that cannot be written is told in one line, and nothing half-written stays', async () => {
  const blocked = file('home.csv/below/home.pcap');
  const { status, stderr } = await homeveilHere('home', '--hours', '0.1', '--out', blocked);
  expect([status, stderr.trim().split('\n').length]).toEqual([1, 1]);
  expect(stderr).toContain(`${blocked}: cannot be written`);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
