import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readNoiseConfig, resolveNoiseConfig } from '../../src/noise/config.js';
import { DEFAULT_ROOTS } from '../../src/noise/roots.js';
import { noiseConfigSchema } from '../../src/noise/schema.js';
import { TRACKERS } from '../../src/noise/trackers.js';
import { bytesOf } from '../../src/shared/quantities.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { temporaryFolder } from '../support/run-cli.js';

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

// The file of 1tayH/noisy as published, with some of its roots and one of its many user agents.
const NOISY = readFileSync(new URL('../support/noisy-config.json', import.meta.url), 'utf8');

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

const NOISY_KEYS = {
  max_depth: 5,
  min_sleep: 3,
  max_sleep: 6,
  timeout: false,
  blacklisted_urls: ['.css'],
  user_agents: ['M'],
};

/** A config.json of noisy with some keys of its own; a key that is undefined is not there. */
function readNoisy(keys: Record<string, unknown> = {}) {
  return read(JSON.stringify({ root_urls: ['http://a.example'], ...NOISY_KEYS, ...keys }, null, 1), 'config.json');
}

/** Its warnings, without the path. */
const warningsOf = (keys: Record<string, unknown>) =>
  readNoisy(keys).warnings.map((line) => line.replace(/^.*config\.json:/, ''));

test('a configuration of noisy that says all there is to say needs no warning', () => {
  expect(readNoisy().warnings).toEqual([]);
  expect(read(NOISY, 'config.json').warnings).toEqual([
    expect.stringContaining('without a scheme, taken as https: "translate.google.com"'),
  ]);
});

test('comments and trailing commas in JSON swallow nothing', () => {
  const text = `// first of all
{
  "root_urls": ["https://a.example/x//y"], /* two
  lines */ "max_depth": 5, // "timeout": 1,
  "timeout": 600, /**/ "min_sleep": 3, "max_sleep": 6,
  // never "there"
  "blacklisted_urls": ["bank.example.com", "work.example.org",], "user_agents": ["M /* no comment */"],
}`;
  for (const name of ['config.json', 'noise.yaml', 'noise']) {
    expect(read(text, name)).toMatchObject({
      roots: ['https://a.example/x//y'],
      depth: 6,
      duration: 600,
      deny: ['bank.example.com', 'work.example.org'],
      userAgents: ['M /* no comment */'],
      warnings: [],
    });
  }
  // In YAML they would be a part of the key behind them.
  expect(() => read('# mine\n{"root_urls": ["a.example"], // stop\n"timeout": 600}')).toThrow(
    /noise\.yaml:2: expected a key, found "\/\/ stop.*comments of YAML begin with #/,
  );
});

test.each(['utf16le', 'utf8', 'utf16be'] as const)('JSON with a byte order mark is read: %s', (encoding) => {
  const text = '\ufeff{"root_urls": ["http://a.example"], "timeout": 90}';
  const little = Buffer.from(text, encoding === 'utf16be' ? 'utf16le' : encoding);
  const path = join(temporaryFolder(), 'config.json');
  writeFileSync(path, encoding === 'utf16be' ? little.swap16() : little);
  expect(readNoiseConfig(path)).toMatchObject({ roots: ['http://a.example/'], duration: 90 });
});

test('a timeout of noisy is a duration; none is no limit', () => {
  expect(readNoisy({ timeout: 90 }).duration).toBe(90);
  for (const timeout of [false, null, undefined]) {
    expect(readNoisy({ timeout })).toMatchObject({ duration: null, warnings: [] });
  }
  for (const timeout of [0, -1]) expect(readNoisy({ timeout }).duration).toBe(null);
  expect(warningsOf({ timeout: 0 })).toEqual([
    '8: timeout: 0 means no limit, as in urusai; 1tayH/noisy would end after its first root',
  ]);
});

test.each<[Record<string, unknown>, object, RegExp[]]>([
  [{ max_depth: 0 }, { depth: 1 }, [/^5: max_depth: 0: only roots are visited/]],
  [{ max_depth: 5000 }, { depth: 1000 }, [/max_depth: 5000 is taken as 999/]],
  [{ max_depth: 2.5 }, { depth: 4 }, []],
  [{ min_sleep: 9, max_sleep: 2 }, { minPause: 2, maxPause: 9 }, [/^6: min_sleep: 9 is more than max_sleep \(2\)/]],
  [{ user_agents: [] }, { userAgents: [] }, [/user_agents: the list is empty: the built-in/]],
  [{ blacklisted_urls: ['', '.css'] }, { denyText: ['.css'] }, [/blacklisted_urls: an empty entry is left out/]],
  [
    { blacklisted_urls: undefined, max_depth: undefined },
    { depth: 26, deny: [] },
    [/max_depth: .*25/, /nothing is denied/],
  ],
  [
    { root_urls: ['http://a.example', 'ftp://b.example', 'htp:/c', 5, '', 'your urls', 'http://a.example/'] },
    { roots: ['http://a.example/'] },
    [
      /^2: root_urls: 5 of 7 left out, expected http or https URLs: "ftp:\/\/b.example", "htp:\/c", 5, \.\.\.$/,
      /1 of 7 repeated/,
    ],
  ],
  [
    { root_urls: ['www.a.example', 'b.example:8080/x'] },
    { roots: ['https://www.a.example/', 'https://b.example:8080/x'] },
    [/2 of 2 without a scheme, taken as https/],
  ],
  [
    { root_urls: ['https://bit.ly/x', 'https://a.example'], blacklisted_urls: ['bit.ly'] },
    { roots: ['https://a.example/'], deny: ['bit.ly'] },
    [/root_urls: 1 of 2 left out, on the blacklist or the list of trackers: "https:\/\/bit\.ly\/x"/],
  ],
  [{ num_users: 3, crux_count: 10 }, {}, [/num_users: ignored; use --users/, /crux_count: ignored/]],
  [{ _comment: 'mine' }, {}, [/_comment: unknown, ignored; known are root_urls/]],
])('noisy: %j is told', (keys, becomes, warnings) => {
  const config = readNoisy(keys);
  expect(config).toMatchObject(becomes);
  const lines = warningsOf(keys);
  expect(lines).toHaveLength(warnings.length);
  for (const [i, warning] of warnings.entries()) expect(lines[i]).toMatch(warning);
});

test('of keys that stand twice the last one counts, as in Python, and that is told', () => {
  const { duration, warnings } = read('{"root_urls": ["a.example"],\n"timeout": 1,\n"timeout": 2}', 'config.json');
  expect(duration).toBe(2);
  expect(warnings[0]).toMatch(/config\.json:3: timeout: stands twice; the last one counts$/);
  expect(() => read('{"users": 2,\n"users": 3}')).toThrow(/noise\.yaml:2: "users" stands twice/);
  expect(() => read('users: 2\nbudgets:\n  perDay: 2 MB\n  perDay: 3 MB')).toThrow(
    /noise\.yaml:4: "perDay" stands twice/,
  );
});

test.each<[string, RegExp]>([
  ['"timeout": "600"', /:2: timeout: expected seconds, or false for no limit/],
  ['"timeout": true', /:2: timeout: expected seconds/],
  ['"min_sleep": -1', /:2: min_sleep: too small/],
  ['"max_depth": "3"', /:2: max_depth: invalid input: expected number, received string/],
  ['"blacklisted_urls": ".css"', /:2: blacklisted_urls: .*expected array/],
  ['"blacklisted_urls": [3]', /:2: blacklisted_urls\.0: .*expected string/],
  ['"blacklist_urls": [".css"]', /:2: unknown key "blacklist_urls" \(did you mean "blacklisted_urls"\?\)/],
  ['"budgets": {"perDay": "5 MB"}', /:2: "budgets" belongs to a configuration of homeveil .*which has no root_urls/],
  ["'timeout': 3", /:2: expected a key or a value of JSON, keys and texts in double quotes, found 'timeout': 3/],
  ['"timeout" 3', /:2: expected ":" after the key, found 3/],
  ['"timeout": 3 # three', /:2: expected .*found # three/],
  ['/* "timeout": 3', /:2: expected "\*\/" at the end of the comment/],
])('what would be lost in %s is refused by line', (line, message) => {
  const text = `{"root_urls": ["http://a.example"],\n${line}\n}`;
  expect(() => read(text, 'config.json')).toThrow(message);
  expect(() => read(text, 'config.json')).not.toThrow(/\n/);
});

test('a configuration of noisy without a root that can be visited is refused', () => {
  expect(() => readNoisy({ root_urls: ['ftp://x', ''] })).toThrow(
    /config\.json:2: root_urls: no root is left of 2: "ftp:/,
  );
  expect(() => readNoisy({ root_urls: undefined })).toThrow(/config\.json:1: root_urls: /);
});

needs(noShared('cases')).test('cases 07 and 20: what noisy means is what is done', () => {
  const commented = readNoiseConfig(sharedPath('cases/07-noisy-json-comments/config.json'));
  expect(commented).toMatchObject({ duration: 600, deny: ['bank.example.com', 'work.example.org'], warnings: [] });
  expect(readNoiseConfig(sharedPath('cases/20-noisy-timeout-zero/config.json')).duration).toBe(null);
  expect(readNoiseConfig(sharedPath('cases/20-noisy-timeout-zero/depth0.json')).depth).toBe(1);
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
    ['roots: [ftp://x.example]', /noise\.yaml:1: roots: expected an http or https URL, found "ftp:\/\/x\.example"/],
    ['roots: absent.txt', /absent\.txt: cannot be read/],
    ['{"root_urls": []}', /noise\.yaml:1: root_urls: expected at least one URL, found none/],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/\n/);
  });
});

interface Property {
  readonly properties?: Record<string, Property>;
  readonly default?: unknown;
  readonly description?: string;
}

/** Keys of the JSON Schema with their properties: `budgets`, `budgets.perHour` and so on. */
function propertiesOf({ properties = {} }: Property, prefix = ''): [key: string, property: Property][] {
  return Object.entries(properties).flatMap(([name, property]) => [
    [`${prefix}${name}`, property],
    ...propertiesOf(property, `${prefix}${name}.`),
  ]);
}

describe('the schema', () => {
  const rows = propertiesOf(z.toJSONSchema(noiseConfigSchema, { io: 'input' }) as Property);

  test('describes every key', () => {
    expect(rows.map(([key]) => key)).toEqual(
      expect.arrayContaining(['users', 'budgets.perDay', 'limits', 'limits.pageTime', 'dns.perHour']),
    );
    for (const [key, { description = '' }] of rows) expect([key, description]).not.toEqual([key, '']);
  });

  test('is the table in docs/noise.md', () => {
    const page = readFileSync(new URL('../../docs/noise.md', import.meta.url), 'utf8');
    const table = rows
      .filter(([, { properties }]) => properties === undefined)
      .map(([key, { default: value, description }]) => {
        const shown = value === undefined || value === '' || Array.isArray(value) ? '' : `\`${value}\``;
        return `| \`${key}\` | ${shown} | ${description} |`;
      });
    expect(page).toContain(['| key | default | |', '| --- | --- | --- |', ...table, ''].join('\n'));
  });
});
