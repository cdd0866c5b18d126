import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { summaryLines, watchLine, watchLines } from '../../src/cli/watch-text.js';
import type { ComparisonStatus } from '../../src/watch/comparison.js';
import type { WatchView } from '../../src/watch/watch.js';
import type { WatchedDevice } from '../../src/watch/watcher.js';

const URL = 'http://127.0.0.1:34571/18337338b4de2ff96cd9143ed92a3728/';
const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 60, rows: 24 },
  { columns: 120, rows: 30 },
  { columns: 40, rows: 12 },
];

const device = (name: string, packets: number): WatchedDevice => {
  const standing = { seen: packets > 100, packets, bytes: packets * 100, packetShare: 0.125, confidence: 0.87 };
  return { name, category: 'iot', now: standing, all: standing, first: 900, last: 999, history: [] };
};

const interval = (mean: number) => ({ mean, low: mean * 0.5, high: mean * 1.5, blocks: 20, resamples: 1000 }) as never;

function compared(names: readonly string[]): ComparisonStatus {
  const period = { from: 0, to: 600, packets: 5000, bytes: 5e6 };
  const change = (mean: number) => ({ off: 0.5, on: 0.5 + mean, difference: interval(mean) });
  return {
    phase: 'done',
    request: { seconds: 600, pairs: 1 },
    isAutomatic: true,
    done: 2,
    of: 2,
    secondsLeft: null,
    problem: null,
    result: {
      periods: [
        { ...period, noise: false, seen: names },
        { ...period, noise: true, seen: names.slice(1) },
      ],
      blocks: 10,
      accuracy: change(-0.21),
      attributed: change(0.08),
      confidence: change(-0.058),
      rate: { off: 282_000, on: 506_537, difference: interval(224_537) },
      megabytesPerDay: interval(19_400),
    },
  };
}

const LONG = Array.from({ length: 14 }, (_, i) => `Device number ${i} with a name typed in full, XJ-9000/2024`);
const WIDE = ['日本語のカメラと玄関のベル', '👩‍🔧 의 조명', 'Caméra', 'plug', 'hub'];
const HOSTILE = ['\x1b]52;c;cm0=\x07', 'x\r\u009b2J', '\u202egnp.exe', 'a\nforged line', 'zero\u200bwidth'];

function view(names: readonly string[], more: Partial<WatchView> = {}): WatchView {
  const moment = { packets: 8000, bytes: 8e5, unsure: { packets: 1200, bytes: 1e5 }, cover: null, accuracy: 0.456 };
  return {
    schemaVersion: 1,
    source: { kind: 'interface', name: 'eth1', isOver: false },
    model: {
      path: 'model',
      sha256: '',
      attack: 'random-forest:trees=10',
      view: 'napt',
      window: 100,
      data: 'home.pcap',
      hasCover: false,
    },
    isLabelled: true,
    hosts: 5,
    captured: 10_000,
    nothingLeaves: false,
    lost: { engine: 0, skipped: 0 },
    forgotten: 0,
    state: {
      time: 1000,
      since: 0,
      span: 600,
      traffic: { packets: 282.8, outbound: 22_600, inbound: 121_000 },
      now: moment,
      all: moment,
      devices: names.map((name, i) => device(name, 4566 - i * 300)),
      history: { seconds: 10, packets: [], bytes: [] },
    },
    comparison: null,
    warnings: [],
    ...more,
  };
}

const WARNINGS = Array.from(
  { length: 5 },
  (_, i) => `warning number ${i} which goes on for more than a line of eighty`,
);

describe.each(SIZES)('on $columns x $rows', ({ columns, rows }) => {
  describe.each(Object.entries({ LONG, WIDE, HOSTILE }))('%s names', (_, names) => {
    test.each([
      ['before a comparison', view(names)],
      ['after one', view(names, { comparison: compared(names) })],
      ['after one, with warnings', view(names, { comparison: compared(names), warnings: WARNINGS })],
    ])('every line fits, and devices are shown: %s', (_, shown) => {
      const lines = watchLines(shown, URL, { rows, columns });
      expect(lines.length).toBeLessThan(rows);
      expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThan(columns);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
      expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e]/);
      const devices = lines.filter((line) => /\b(?:yes|no|unclear)\b/.test(line));
      expect(devices.length).toBeGreaterThanOrEqual(rows >= 24 && names !== LONG ? 4 : 1);
    });
  });
});

test('after a comparison 80 x 24 has its rows, devices, and the page', () => {
  const lines = watchLines(view(WIDE, { comparison: compared(WIDE) }), URL, { rows: 24, columns: 80 });
  const text = lines.join('\n');
  expect(text).toContain('traffic     282 kB/s  507 kB/s  +19.4 GB a day  +9.7 GB to +29.1 GB');
  expect(text).toContain('correct       50.0 %    29.0 %    −21.0 points  −10.5 to −31.5');
  expect(text).toContain('The limits of this comparison are shown at the end.');
  expect(lines.at(-1)).toBe(URL);
});

test('the end has what there was no room for', () => {
  const text = summaryLines(view(WIDE, { comparison: compared(WIDE), warnings: WARNINGS })).join('\n');
  expect(text).toContain('+19.4 GB a day');
  expect(text).toContain('Household activity differs between periods.');
  for (const warning of WARNINGS) expect(text).toContain(warning.slice(0, 16));
  for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
});

test('where packets come but none leaves the home, it asks whether this is the gateway, in place of zeros', () => {
  const none = { packets: 0, bytes: 0, unsure: { packets: 0, bytes: 0 }, cover: null, accuracy: null };
  const { state } = view([]);
  const silent = { ...state, now: none, all: none, traffic: { packets: 0, outbound: 0, inbound: 0 } };
  const shown = view([], { state: silent, nothingLeaves: true, captured: 1234 });
  const asked = 'no traffic leaves the home here: is this the gateway? (1,234 packets captured';
  for (const text of [watchLines(shown, null).join(' '), watchLine(shown), summaryLines(shown).join(' ')]) {
    expect(text).toContain(asked);
    expect(text).not.toContain('0.0 packets/s');
  }
});

test('a name cannot begin another line off a terminal', () => {
  expect(watchLine(view(['a\n12:00:00 forged\x1b[2J']))).toMatch(/^[^\n]*a 12:00:00 forged\\u001b\[2J[^\n]*$/);
});
