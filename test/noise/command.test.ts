import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNoiseView } from '../../src/cli/noise-view.js';
import { resolveNoiseConfig } from '../../src/noise/config.js';
import type { NoiseEvent } from '../../src/noise/events.js';
import { serveMetrics } from '../../src/noise/metrics.js';
import { createLocalWeb, type LocalWeb } from '../support/local-web.js';
import { homeveil, homeveilHere, temporaryFolder, watchHomeveil } from '../support/run-cli.js';

let web: LocalWeb;
beforeAll(async () => {
  // The command resolves names as the system does: there must be none.
  web = await createLocalWeb({ pages: 500, hostile: false, oneHost: true });
});
afterAll(() => web.close());

function configFile(more = ''): string {
  const path = join(temporaryFolder(), 'noise.yaml');
  writeFileSync(
    path,
    `roots: ["http://127.0.0.1:${web.port}/p/1"]\nusers: 2\nvisitsPerHour: 0\npause: 0\nminPause: 0.05\nmaxPause: 0.2\nsiteDelay: 0\n` +
      `activeHours: 0-24\nfollow: site\nstate: state.json\nunsafeAllowPrivate: [127.0.0.0/8]\n${more}`,
  );
  return path;
}

const until = async (isDone: () => boolean) => {
  for (let i = 0; i < 400 && !isDone(); i++) await sleep(25);
  expect(isDone()).toBe(true);
};

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it within a second, in order', async (signal) => {
  const config = configFile();
  const { child, printed } = watchHomeveil('noise', '--config', config, '--json');
  await until(() => printed.stdout.split('"type":"page"').length > 4);
  const stopped = performance.now();
  child.kill(signal);
  const [code] = await once(child, 'exit');
  expect(performance.now() - stopped).toBeLessThan(1000);
  expect([code, printed.stderr]).toEqual([0, '']);
  const events: NoiseEvent[] = printed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({ type: 'start', users: 2, roots: 1, engine: 'http' });
  const last = events.at(-1) as Extract<NoiseEvent, { type: 'stop' }>;
  expect(last.type).toBe('stop');
  const state = JSON.parse(readFileSync(join(config, '..', 'state.json'), 'utf8'));
  const sum = (entries: [number, number][]) => entries.reduce((total, [, amount]) => total + amount, 0);
  expect(sum(state.month)).toBe(last.totals.bytes);
  expect(state.ahead).toEqual({ bytes: 0, requests: 0 });
});

test('off a terminal it prints a line for each page, and ends when its time is over', () => {
  // spawnSync would block the server, which is in this process.
  const { child, printed } = watchHomeveil('noise', '--config', configFile(), '--for', '3s');
  return once(child, 'exit').then(([code]) => {
    expect([code, printed.stderr]).toEqual([0, '']);
    const lines = printed.stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}2 users, 1 roots, engine http$/);
    expect(lines[1]).toMatch(/user \d {2}http:\/\/127\.0\.0\.1:\d+\/p\/1 {2}200 {2}.* in \d+ requests/);
    expect(lines.at(-1)).toMatch(/time over after .* pages in .* visits/);
  });
});

test('metrics are there to be read, on this machine', async () => {
  const { child, printed } = watchHomeveil('noise', '--config', configFile(), '--json', '--metrics', '0');
  await until(() => printed.stdout.includes('"type":"page"'));
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(0);
  const metrics = await serveMetrics(0, resolveNoiseConfig());
  metrics.onEvent({ time: 0, type: 'lookup', name: 'x', problem: 'refused: y "z"\n' });
  metrics.onEvent({ time: 0, type: 'spending', spending: { hour: 5, day: 6, month: 7, requests: 1, connections: 2 } });
  const response = await fetch(`http://127.0.0.1:${metrics.port}/metrics`);
  const text = await response.text();
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain('homeveil_noise_spent_bytes{window="day"} 6\n');
  expect(text).toContain('homeveil_noise_budget_bytes{window="hour"} 60000000\n');
  expect(text).toContain('homeveil_noise_problems_total{kind="refused"} 1\n');
  // Each line is a comment or a sample, as the format has it.
  for (const line of text.trim().split('\n'))
    expect(line).toMatch(/^# (HELP|TYPE) \w+ .+$|^\w+(\{\w+="[^"\n]*"\})? \d+$/);
  expect((await fetch(`http://127.0.0.1:${metrics.port}/`)).status).toBe(404);
  await expect(serveMetrics(metrics.port, resolveNoiseConfig())).rejects.toThrow(/--metrics \d+: listen EADDRINUSE/);
  await metrics.close();
});

describe('nothing is sent', () => {
  test('by a dry run', async () => {
    const before = web.seen.connections;
    const run = homeveil('noise', '--config', configFile(), '--dry-run', '--shape', 'front');
    expect(run.status).toBe(0);
    expect(run.stdout).toContain('Nothing was sent');
    expect(run.stdout).toContain('front decides when');
    for (const line of run.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const json = JSON.parse((await homeveilHere('noise', '--dry-run', '--json')).stdout);
    expect(json).toMatchObject({ users: 1, budgets: { perDay: 300e6 }, shape: null });
    expect(web.seen.connections).toBe(before);
  });

  test.each<[number, string, string[]]>([
    [2, '--for: expected a time such as 90s', ['--for', 'long']],
    [2, '--users: expected 1 to 64, found 0', ['--users', '0']],
    [2, '--shape pad: sends no cover', ['--shape', 'pad']],
    [2, 'no defense is called "fornt" (did you mean "front"?)', ['--shape', 'fornt']],
    [2, '--shape front+dummy: expected one defense, found 2', ['--shape', 'front+dummy']],
    [1, 'absent.yaml: cannot be read', ['--config', 'absent.yaml']],
  ])('%i: %s', async (status, message, args) => {
    const run = await homeveilHere('noise', ...args);
    expect([run.status, run.stdout, run.stderr.trim().split('\n').length]).toEqual([status, '', 1]);
    expect(run.stderr).toContain(message);
  });

  test('by a second one with the same state', async () => {
    const config = configFile();
    const { child, printed } = watchHomeveil('noise', '--config', config, '--json');
    await until(() => printed.stdout.includes('"type":"start"'));
    const second = await homeveilHere('noise', '--config', config);
    expect([second.status, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toMatch(/state\.json: in use by process \d+; give each its own state file/);
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(0);
  });
});

test('the live view fits its lines and shows what others wrote without what moves the cursor', () => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 60, isTTY: true });
  const screen = createNoiseView(resolveNoiseConfig(), stream as never);
  const spending = { hour: 30e6, day: 30e6, month: 30e6, requests: 3, connections: 1 };
  screen.onEvent({ time: 100, type: 'spending', spending });
  screen.onEvent({ time: 105, type: 'spending', spending: { ...spending, month: 31e6 } });
  screen.onEvent({ time: 105, type: 'visit', user: 0, root: 'https://a.example/' });
  screen.onEvent({
    time: 106,
    type: 'page',
    user: 0,
    url: 'https://a.example/\x1b[2J\u009bx',
    status: 200,
    requests: 3,
    bytes: 5000,
    seconds: 0.2,
    problem: null,
  });
  screen.end();
  const drawn: string[] = stream.read().split('\n');
  // The screen's own: to the beginning of a line, and to clear.
  const shown = drawn.map((line) => ['\x1b[2K', '\x1b[J'].reduce((rest, own) => rest.replace(own, ''), line));
  expect(shown[0]).toMatch(/^noise {2}200 kB\/s {2}1 visits {2}1 pages/);
  expect(shown[1]).toBe('hour   ██████████··········  30 MB left of 60 MB');
  expect(shown.join('\n')).toContain('user 1  visits a.example');
  expect(shown.join('\n')).toContain('user 1  https://a.example/\\u001b[2J\\u009bx');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(shown.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(60);
});

test('the JSON Schema has every key, with its default', async () => {
  const schema = JSON.parse((await homeveilHere('schema', 'noise')).stdout);
  expect(schema.properties.budgets.properties.perDay).toMatchObject({ default: '300 MB' });
  expect(Object.keys(schema.properties)).toEqual(
    expect.arrayContaining(['users', 'roots', 'activeHours', 'proxy', 'limits']),
  );
});
