import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { homeveilHere, temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
const file = (...names: string[]) => join(folder, ...names);
beforeAll(() => {
  mkdirSync(file('captures'));
  writeFileSync(file('captures', 'empty.pcap'), '');
  writeFileSync(file('in-the-way'), '');
  writeFileSync(file('study.yaml'), 'datasets: [{ hours: 1000 }]\ndefenses: [none]\n');
});

/**
 * Every command that works before it writes. The captures they are given do not exist or hold nothing: an error about these would show
 * that the place was not tried first.
 */
const COMMANDS: readonly (readonly [string, (out: string) => string[]])[] = [
  ['bench', (out) => ['bench', '--data', file('none.pcap'), '--labels', file('none.csv'), '--out', out]],
  ['bench STUDY', (out) => ['bench', file('study.yaml'), '--out', out]],
  ['train', (out) => ['train', '--data', file('none.pcap'), '--labels', file('none.csv'), '--out', out]],
  ['windows', (out) => ['windows', '--data', file('none.pcap'), '--labels', file('none.csv'), '--out', out]],
  ['home', (out) => ['home', '--hours', '1000', '--out', join(out, 'home.pcap')]],
  [
    'home --labels',
    (out) => ['home', '--hours', '1000', '--out', file('home.pcap'), '--labels', join(out, 'home.csv')],
  ],
  ['home fit', (out) => ['home', 'fit', file('captures'), '--labels', file('none.csv'), '--out', join(out, 'p.json')]],
  ['defend', (out) => ['defend', '--defense', 'none', file('captures'), join(out, 'out.pcap')]],
  ['new', (out) => ['new', 'defense', 'my-own', '--dir', out]],
];

describe.each(COMMANDS)('%s', (_, argumentsFor) => {
  test.each([
    ['under a file', () => file('in-the-way', 'deep', 'er')],
    ['where nothing can be made', () => '/proc/x/y'],
  ])('says before it works that its output %s cannot be written', async (_, place) => {
    const before = readdirSync(folder).sort();
    const { status, stdout, stderr } = await homeveilHere(...argumentsFor(place()));
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^(homeveil: )?(in-the-way|\/).*: cannot be written: [^\n]*\n$/);
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});

test('what says who was at home when is for its owner alone', async () => {
  const [pcap, csv, arrow] = [file('a.pcap'), file('a.csv'), file('b.arrow')];
  await homeveilHere('home', '--hours', '0.02', '--out', pcap, '--labels', csv);
  await homeveilHere('defend', '--defense', 'none', '--labels', csv, pcap, arrow);
  expect([pcap, csv, arrow].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
});
