import { describe, expect, test } from 'vitest';
import { createIdentities } from '../../src/noise/identity.js';
import { createRhythm, type LocalTime } from '../../src/noise/rhythm.js';
import { createRobots } from '../../src/noise/robots.js';
import { createSites } from '../../src/noise/sites.js';
import { chooseLink, type WalkOptions } from '../../src/noise/walk.js';
import { createRng } from '../../src/shared/rng.js';

/** As if UTC were the local time; the epoch was a Thursday. */
const utc: LocalTime = (time) => ({ hour: (time / 3600) % 24, day: (4 + Math.floor(time / 86_400)) % 7 });
const HOUR = 3600;
const DAY = 86_400;

describe('rhythm', () => {
  const rhythm = (given: Partial<Parameters<typeof createRhythm>[0]> = {}) =>
    createRhythm({ visitsPerHour: 60, activeHours: '7-23', rhythm: 'household', local: utc, ...given });

  test('hours may go over midnight, or round the clock', () => {
    const active = (hours: string) =>
      Array.from({ length: 24 }, (_, hour) => rhythm({ activeHours: hours }).isActive(hour * HOUR));
    const listed = (hours: string) => active(hours).flatMap((is, hour) => (is ? [hour] : []));
    expect(listed('7-10')).toEqual([7, 8, 9]);
    expect(listed('22-2')).toEqual([0, 1, 22, 23]);
    expect(listed('0-24')).toHaveLength(24);
    expect(listed('5-5')).toHaveLength(24);
  });

  test('the first active moment is now, or when the hours begin', () => {
    expect(rhythm().activeFrom(8 * HOUR + 1)).toBe(8 * HOUR + 1);
    expect(rhythm().activeFrom(23.5 * HOUR)).toBe(DAY + 7 * HOUR);
    expect(rhythm().activeFrom(3 * HOUR + 17)).toBe(7 * HOUR);
  });

  test('visits come as often as the rate says, by the hour', () => {
    const own = rhythm();
    const rng = createRng(1);
    const counts = new Float64Array(24);
    const days = 40;
    for (let at = own.next(0, rng); at < days * DAY; at = own.next(at, rng)) counts[Math.floor(utc(at).hour)]!++;
    // Mean activity over each hour, from the curve itself, at the workdays' and weekends' share of these days.
    for (let hour = 0; hour < 24; hour++) {
      let expected = 0;
      for (let day = 0; day < days; day++) {
        for (let k = 0; k < 20; k++) expected += own.activity(day * DAY + (hour + (k + 0.5) / 20) * HOUR) * 3;
      }
      expect(Math.abs(counts[hour]! - expected)).toBeLessThanOrEqual(4.5 * Math.sqrt(expected) + 1e-9);
    }
    expect(counts[3]).toBe(0);
    expect(counts[20]!).toBeGreaterThan(1.5 * counts[8]!);
  });

  test('weekends are busier by day, evenings are not', () => {
    const [thursday, saturday] = [0, 2 * DAY];
    expect(rhythm().activity(saturday + 11 * HOUR)).toBeGreaterThan(rhythm().activity(thursday + 11 * HOUR));
    expect(rhythm().activity(saturday + 20 * HOUR)).toBe(rhythm().activity(thursday + 20 * HOUR));
  });

  test('without a rate there is no rest but the night', () => {
    expect(rhythm({ visitsPerHour: 0 }).next(9 * HOUR, createRng(1))).toBe(9 * HOUR);
    expect(rhythm({ visitsPerHour: 0 }).next(2 * HOUR, createRng(1))).toBe(7 * HOUR);
  });
});

describe('identity', () => {
  const context = { kind: 'document', referrer: null, site: 'none', isSecure: true } as const;

  test('users have different browsers, the same for the same seed', () => {
    const identities = createIdentities(5, [], createRng(1));
    expect(new Set(identities.map(({ userAgent }) => userAgent)).size).toBe(5);
    expect(createIdentities(5, [], createRng(1)).map(({ name }) => name)).toEqual(identities.map(({ name }) => name));
  });

  test('all headers of a browser agree with each other', () => {
    for (const identity of createIdentities(7, [], createRng(2))) {
      const headers = new Map(identity.headers(context));
      const agent = headers.get('User-Agent')!;
      const brands = headers.get('sec-ch-ua');
      expect(brands !== undefined).toBe(agent.includes('Chrome/'));
      if (brands) {
        expect(brands).toContain(`v="${/Chrome\/(\d+)/.exec(agent)![1]}"`);
        expect(headers.get('sec-ch-ua-mobile')).toBe(agent.includes('Mobile') ? '?1' : '?0');
        expect(brands.includes('Microsoft Edge')).toBe(agent.includes('Edg/'));
      }
      expect(headers.get('Accept-Encoding')).toBe('gzip, deflate, br');
      expect(headers.get('Sec-Fetch-Dest')).toBe('document');
      const image = new Map(
        identity.headers({ kind: 'image', referrer: 'http://a.test/', site: 'cross-site', isSecure: true }),
      );
      expect(image.get('Accept')).toMatch(/^image\//);
      expect(image.get('Referer')).toBe('http://a.test/');
      expect(image.has('Upgrade-Insecure-Requests')).toBe(false);
    }
  });

  test('less is said without TLS', () => {
    for (const identity of createIdentities(7, [], createRng(2))) {
      const headers = new Map(identity.headers({ ...context, isSecure: false }));
      expect([...headers.keys()].filter((key) => key.toLowerCase().startsWith('sec-'))).toEqual([]);
      expect(headers.get('Accept-Encoding')).toBe('gzip, deflate');
    }
  });

  test('a given user agent gets the headers of the browser that it claims to be', () => {
    const of = (agent: string) => new Map(createIdentities(1, [agent], createRng(1))[0]!.headers(context));
    expect(of('Mozilla/5.0 (Windows NT 10.0) Chrome/99.0.0.0 Safari/537.36').get('sec-ch-ua-platform')).toBe(
      '"Windows"',
    );
    expect(of('Mozilla/5.0 (Windows NT 10.0) Chrome/60.0.0.0 Safari/537.36').has('sec-ch-ua')).toBe(false);
    expect(of('Mozilla/5.0 (Macintosh) Version/9.1.2 Safari/601.7.7').has('sec-ch-ua')).toBe(false);
  });
});

describe('robots.txt', () => {
  const answer = (text: string, status: number | null = 200, problem: string | null = null) =>
    createRobots().of(new URL('http://a.test/'), async () => ({ status, text, problem }));

  test('its own group counts, or else the one for all', async () => {
    const text = 'User-agent: *\nDisallow: /x\nCrawl-delay: 7\n\nUser-agent: Homeveil\nDisallow: /y';
    const own = await answer(text);
    expect([own.isAllowed('http://a.test/x'), own.isAllowed('http://a.test/y/1')]).toEqual([true, false]);
    const all = await answer('User-agent: *\nDisallow: /x\nAllow: /x/ok$\nCrawl-delay: 7');
    expect([all.delay, all.isAllowed('http://a.test/x'), all.isAllowed('http://a.test/x/ok')]).toEqual([
      7,
      false,
      true,
    ]);
  });

  test('without a file all is allowed, while the server is out of order nothing is (RFC 9309, 2.3.1)', async () => {
    const all = 'User-agent: *\nDisallow: /';
    const allowed = [404, 403, 200, 500, 503, null].map(async (status) =>
      (await answer(all, status)).isAllowed('http://a.test/p'),
    );
    expect(await Promise.all(allowed)).toEqual([true, true, false, false, false, false]);
  });

  test('files of any kind and size are survived', async () => {
    expect((await answer('\0'.repeat(1e6))).isAllowed('http://a.test/p')).toBe(true);
    const long = `http://a.test/${'a'.repeat(900)}`;
    expect((await answer(`User-agent: *\nDisallow: /${'*a'.repeat(300_000)}`)).isAllowed(long)).toBe(true);
    expect((await answer(`User-agent: *\n${'Disallow: /a*b*c*d\n'.repeat(200_000)}`)).isAllowed(long)).toBe(true);
    expect((await answer('User-agent: *\nCrawl-delay: 1e9')).delay).toBe(60);
    expect((await answer('User-agent: *\nCrawl-delay: -5')).delay).toBe(0);
  });

  test('half a rule, where the file was cut, is none', async () => {
    const text = 'User-agent: *\nDisallow: /a/b\nDisallow: /';
    const cut = await answer(text, 200, 'too slow');
    expect((await answer(text)).isAllowed('http://a.test/p')).toBe(false);
    expect([cut.isAllowed('http://a.test/p'), cut.isAllowed('http://a.test/a/b')]).toEqual([true, false]);
  });

  test('a site is asked once a day, and sooner where it did not answer', async () => {
    let now = 0;
    let asked = 0;
    let status: number | null = 200;
    const robots = createRobots(() => now);
    const of = () =>
      robots.of(new URL('http://a.test/p'), async () => {
        asked++;
        return { status, text: '', problem: null };
      });
    await Promise.all([of(), of()]);
    now = 86_399;
    await of();
    expect(asked).toBe(1);
    now = 86_401;
    status = null;
    await of();
    now += 901;
    await of();
    expect(asked).toBe(3);
  });
});

test('a site that fails is left alone for longer each time, or as long as it asks', () => {
  let now = 0;
  const sites = createSites(() => now);
  const restOf = (work: () => void) => {
    work();
    let seconds = 0;
    while (sites.isResting('a')) {
      now++;
      seconds++;
    }
    return seconds;
  };
  expect([1, 2, 3].map(() => restOf(() => sites.failed('a', null)))).toEqual([30, 60, 120]);
  expect(restOf(() => sites.failed('a', 1000))).toBe(1000);
  sites.succeeded('a');
  expect(restOf(() => sites.failed('a', 5))).toBe(30);
  for (let i = 0; i < 30; i++) sites.failed('a', null);
  expect(restOf(() => {})).toBe(6 * 3600);
});

describe('walk', () => {
  const options: WalkOptions = {
    follow: 'roots',
    denyText: ['mediawiki', 'intent/tweet'],
    sites: new Set(['root.org', 'a.co.uk']),
  };
  test.each([
    ['http://x.root.org/p', 'other.org', true],
    ['http://other.org/p', 'other.org', true],
    ['http://third.org/p', 'other.org', false],
    ['http://b.co.uk/p', 'other.org', false],
    ['http://root.org/mediawiki/x', 'root.org', false],
    ['http://root.org/file.ZIP', 'root.org', false],
    ['http://root.org/account/logout', 'root.org', false],
    ['http://root.org/w/index.php?action=edit&x=1', 'root.org', false],
    ['http://root.org/editorial', 'root.org', true],
  ])('%s from %s: %s', (url, from, may) => {
    const mayFollow = (follow: WalkOptions['follow']) =>
      chooseLink([url], from, new Set(), { ...options, follow }, createRng(1)) === url;
    expect(mayFollow('roots')).toBe(may);
    expect(mayFollow('any')).toBe(may || url.includes('third') || url.includes('b.co.uk'));
  });

  test('links lead to another site now and then, never to what was seen, and nowhere at a dead end', () => {
    const links = ['http://root.org/1', 'http://root.org/2', 'http://root.org/seen', 'http://a.co.uk/'];
    const rng = createRng(1);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 2000; i++) {
      const link = chooseLink(links, 'root.org', new Set(['http://root.org/seen']), options, rng)!;
      counts[link] = (counts[link] ?? 0) + 1;
    }
    // Three in ten leave; within five standard deviations.
    expect(Math.abs(counts['http://a.co.uk/']! - 600)).toBeLessThan(103);
    expect(Object.keys(counts)).toHaveLength(3);
    expect(chooseLink(links, 'root.org', new Set(links), options, rng)).toBe(null);
  });
});
