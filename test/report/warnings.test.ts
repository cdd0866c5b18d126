import { expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.js';
import { render } from '../../src/report/kit/escape.js';
import { majorityWords } from '../../src/report/reading.js';
import { groupWarnings, renderWarnings } from '../../src/report/sections/warnings.js';
import { renderStudyHtml } from '../../src/report/study.js';
import { DEFENSES, makeResult, makeStudy } from '../support/make-result.js';

const pointer = (file: string) =>
  `../captures/${file}: expected a pcap or pcapng file, found a Git LFS pointer (the capture itself is yet to be fetched: git lfs pull)`;
const few = (device: string, train: number, test: number) =>
  `${device} is left out: ${train} packets to train on and ${test} to test on, at least 100 of each are needed`;
const unseen = (device: string, view: string) => `${device} is left out: the ${view} view shows no packet of it`;
const CUT = '../captures/may/training.cap: offset 1408800: expected a block of 356 bytes, found the end after 224';
const WARNINGS = [
  ...['geeni-cam-01.pcap', 'wyze-cam-01.pcap', 'a name with spaces.pcap'].map(pointer),
  CUT,
  few('Lifx bulb', 12, 8),
  unseen('Nest Smoke & CO Detector', 'napt'),
  few('RPi Emulated Bulb', 20, 42),
  unseen('Pixel 6 Phone', 'vpn'),
];

const grouped = (warnings: readonly string[]) =>
  groupWarnings(warnings.map((text) => ({ where: '', text }))).map((kind) => kind.map(({ text }) => text));

test('warnings that differ in names and numbers only are of a kind; others are not', () => {
  expect(grouped(WARNINGS)).toEqual([
    WARNINGS.slice(0, 3),
    [CUT],
    [WARNINGS[4], WARNINGS[6]],
    [WARNINGS[5], WARNINGS[7]],
  ]);
  expect(grouped(['jitter loses real packets', 'undefended accuracy is near the majority'])).toHaveLength(2);
  expect(grouped([])).toEqual([]);
});

test('each kind is shown once, the others of it are folded, and none is lost', () => {
  const page = render(renderWarnings(WARNINGS.map((text) => ({ where: 'home', text }))));
  expect(page).toContain('8\u00a0warnings of 4\u00a0kinds');
  expect(page.match(/<summary>[^<]*<\/summary>/g)).toEqual([
    '<summary>2 more of this kind</summary>',
    '<summary>1 more of this kind</summary>',
    '<summary>1 more of this kind</summary>',
  ]);
  expect(page.match(/<li>home: /g)).toHaveLength(8);
});

test('settings that warn of unlike things are not taken for a kind by their name', async () => {
  const { runs, ...rest } = makeStudy(2, { defenses: DEFENSES.slice(0, 2), attacks: ['a'], seeds: 1 });
  const warned = runs.map((run, i) => ({ ...run, warnings: i === 1 ? ['packets lost', 'cut short'] : [] }));
  expect(await renderStudyHtml({ ...rest, runs: warned }, null)).toContain('2\u00a0warnings</h2>');
});

test('a majority that a defense changes is named with it, in headline and captions', async () => {
  const small = { defenses: DEFENSES.slice(0, 3), attacks: ['a'], seeds: 1 };
  const result = makeResult(small);
  expect(majorityWords(result)).toBe('');
  const summary = result.summary.map((row, i) => (i === 1 ? { ...row, majority: 0.614 } : row));
  const changed = { ...result, summary };
  expect(majorityWords(changed)).toMatch(/^The majority is that under none; it is 61\u00a0% under pad:rule=mtu, which/);
  const text = (await renderHtml(changed)).replaceAll(/<[^>]+>/g, '');
  expect(text).toContain('majority 61\u00a0% with it, 18\u00a0% without');
  expect(text.match(/it is 61\u00a0% under pad:rule=mtu/g)!.length).toBeGreaterThanOrEqual(2);
  expect((await renderHtml(result)).replaceAll(/<[^>]+>/g, '')).not.toContain('% without)');
  const study = makeStudy(2, small);
  const page = await renderStudyHtml({ ...study, runs: [changed, ...study.runs.slice(1)] }, null);
  expect(page.replaceAll('<wbr>', '')).toContain('Majority under pad:rule=mtu');
});
