import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeNoiseConfig, readNoiseConfig, resolveNoiseConfig } from '../../../src/live/noise/config.js';
import { DEFAULT_ROOTS } from '../../../src/live/noise/roots.js';
import { TRACKERS } from '../../../src/live/noise/trackers.js';
import { bytesOf } from '../../../src/shared/quantities.js';
import { temporaryFolder } from '../../cli/run-cli.js';

function read(text: string, name = 'noise.yaml') {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return readNoiseConfig(path);
}

test('the defaults are those of a careful household', () => {
  const config = resolveNoiseConfig();
  expect(config).toMatchObject({
    users: 1,
    follow: 'roots',
    robots: true,
    activeHours: '7-23',
    budgets: { perHour: 60e6, perDay: 300e6, perMonth: 6e9 },
    unsafeAllowPrivate: [],
    duration: null,
  });
  expect(config.roots).toEqual(DEFAULT_ROOTS);
});

test('the built-in roots are https pages of 60 to 100 sites, none of which is denied', () => {
  expect(DEFAULT_ROOTS.length).toBeGreaterThanOrEqual(60);
  expect(DEFAULT_ROOTS.length).toBeLessThanOrEqual(100);
  expect(new Set(DEFAULT_ROOTS).size).toBe(DEFAULT_ROOTS.length);
  for (const root of DEFAULT_ROOTS) {
    const url = new URL(root);
    expect(url.href).toBe(root);
    expect(url.protocol).toBe('https:');
    expect(TRACKERS.some((domain) => url.hostname === domain || url.hostname.endsWith(`.${domain}`))).toBe(false);
  }
});

test('sizes are powers of 1000', () => {
  expect(['200 MB', '1.5GB', '7 kb', '12B', '3 TB'].map(bytesOf)).toEqual([200e6, 1.5e9, 7000, 12, 3e12]);
  for (const text of ['200', 'MB', '-1 MB', '1 MiB', '1e3 MB', '']) expect(bytesOf(text)).toBeUndefined();
});

test('files named in a configuration are beside it', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'roots.txt'), '# mine\nhttps://example.org/  # front page\n\nexample.net/a\n');
  writeFileSync(
    join(folder, 'hosts'),
    '# ads\n0.0.0.0 ads.example\n127.0.0.1\ttracker.example\n||block.example^\n*.wild.example\n! x\n',
  );
  writeFileSync(
    join(folder, 'noise.yaml'),
    'roots: roots.txt\ndeny: hosts\nstate: s.json\nbudgets: { perDay: 2 GB }\n',
  );
  const config = readNoiseConfig(join(folder, 'noise.yaml'));
  expect(config.roots).toEqual(['https://example.org/', 'https://example.net/a']);
  expect(config.deny).toEqual(['ads.example', 'tracker.example', 'block.example', 'wild.example']);
  expect(config.state).toBe(join(folder, 's.json'));
  expect(config.budgets).toEqual({ perHour: 60e6, perDay: 2e9, perMonth: 6e9 });
});

// Of 1tayH/noisy as published, with some of its roots and one of its many user agents.
const NOISY = readFileSync(new URL('./noisy-config.json', import.meta.url), 'utf8');

test("noisy's own config.json is read as it is", () => {
  const config = read(NOISY, 'config.json');
  expect(config.roots).toContain('https://www.statista.com/');
  // There without a scheme, which noisy stumbles over.
  expect(config.roots).toContain('https://translate.google.com/');
  expect(config).toMatchObject({
    depth: 26,
    pause: 0,
    minPause: 3,
    maxPause: 6,
    visitsPerHour: 0,
    activeHours: '0-24',
    follow: 'any',
    duration: null,
    budgets: { perDay: 300e6 },
  });
  expect(config.denyText).toContain('mediawiki');
  expect(config.denyText).toContain('.css');
  // Whole sites are denied to a page's resources too; pieces of URLs, and names of files, are not.
  expect([...config.deny].sort()).toEqual([
    'bit.ly',
    'itunes.apple.com',
    'l.facebook.com',
    'messenger.com',
    't.co',
    't.umblr.com',
  ]);
  expect(config.userAgents).toHaveLength(2);
});

test('a timeout of noisy is a duration, and keys that it ignores are ignored', () => {
  const config = read('{"root_urls": ["http://a.example"], "timeout": 90, "max_depth": 5000, "click_depth": 5}');
  expect(config.duration).toBe(90);
  expect(config.depth).toBe(1000);
});

describe('what does not fit gets one line with its place', () => {
  test.each<[string, RegExp]>([
    [
      'users: 2\nuser: 3',
      /noise\.yaml:2: unknown key "user" \(did you mean "users"\?\); expected one of engine, users/,
    ],
    ['budgets:\n  perWeek: 3 GB', /noise\.yaml:2: unknown key "perWeek"; expected one of perHour, perDay, perMonth/],
    ['limits:\n  responsBytes: 1 MB', /noise\.yaml:2: unknown key "responsBytes" \(did you mean "responseBytes"\?\)/],
    ['\nbudgets:\n  perDay: lots', /noise\.yaml:3: budgets\.perDay: expected a size such as '200 MB'/],
    ['budgets: { perHour: 10 kB }', /noise\.yaml:1: budgets\.perHour: expected a size/],
    ['activeHours: 7-25', /noise\.yaml:1: activeHours: expected hours of the day/],
    ['minPause: 9\nmaxPause: 3\npause: 0', /noise\.yaml:1: minPause: expected at most maxPause/],
    ['proxy: ftp://x', /noise\.yaml:1: proxy: expected http:\/\/host:port or socks5/],
    ['roots: [ftp://x.example]', /roots: expected an http or https URL, found "ftp:\/\/x\.example"/],
    ['roots: absent.txt', /absent\.txt: cannot be read/],
    ['{"root_urls": []}', /noise\.yaml:1: root_urls: too small/],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/\n/);
  });
});

test('the page on noise has every key with its default', () => {
  const page = readFileSync(new URL('../../../docs/noise.md', import.meta.url), 'utf8');
  for (const { key, default: value, description } of describeNoiseConfig()) {
    const shown = value === undefined || value === '' || Array.isArray(value) ? '' : `\`${value}\``;
    expect(page).toContain(`| \`${key}\` | ${shown} | ${description} |`);
  }
});

test('every key is described', () => {
  const rows = describeNoiseConfig();
  expect(rows.map(({ key }) => key)).toEqual(
    expect.arrayContaining(['users', 'budgets.perDay', 'limits.pageTime', 'dns.perHour']),
  );
  for (const { key, description } of rows) expect([key, description]).not.toEqual([key, '']);
});
