import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identify } from '../../src/harness/observer/identify.js';
import type { LoadedModel } from '../../src/harness/observer/model-folder.js';
import { createNetwork, type Host, type Network, whyNoNamespaces } from '../../src/lab/namespaces.js';
import type { WatchView } from '../../src/watch/watch.js';
import { DEVICE, ethernet, filler, GATEWAY, ipv4, pcap, temporaryFolder, udp } from '../support/fixtures.js';
import { needs, noProgram } from '../support/needs.js';
import { homeveil, homeveilHere } from '../support/run-cli.js';
import { startOn, until } from '../support/run-live.js';
import { makeHome, trainSmall } from '../support/small-model.js';

const folder = temporaryFolder();
const home = makeHome(2, 0.05);
let model: LoadedModel;
beforeAll(async () => {
  model = await trainSmall();
});

const lines = (text: string): WatchView[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('homeveil watch on a capture', () => {
  test('prints what it concludes, in 80 columns', () => {
    const run = homeveil('watch', '--pcap', home.pcap, '--model', model.path, '--page', 'off', '--labels', home.labels);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    for (const line of run.stdout.split('\n'))
      if (!line.includes(model.path)) expect(line.length).toBeLessThanOrEqual(80);
    for (const word of ['confidence', '(unsure)', 'Seen', 'Compared with the labels'])
      expect(run.stdout).toContain(word);
  });

  test('plays it at a speed, a line for each so long, and ends when told', async () => {
    const options = ['--page', 'off', '--json', '--speed', '10', '--every', '500ms', '--for', '1500ms'];
    const run = await homeveilHere('watch', '--pcap', home.pcap, '--model', model.path, ...options);
    expect(run.status).toBe(0);
    const views = lines(run.stdout);
    expect(views.length).toBeGreaterThanOrEqual(2);
    const packets = views.map(({ state }) => state.all.packets);
    expect(packets).toEqual([...packets].sort((a, b) => a - b));
    expect(views.at(-1)!.source.isOver).toBe(false);
    // Of the file's 180 s, ten times as fast, no more than about 30 have passed.
    expect(views.at(-1)!.state.time! - views.at(-1)!.state.since!).toBeLessThan(120);
  });

  test.each<[string, string[], number]>([
    ['expected either an interface (-i) or a capture file (--pcap)', [], 2],
    ['--compare: expected an interface (-i), found --pcap', ['--pcap', 'x', '--compare', '10m'], 2],
    [
      '--compare: expected --on, or a page or terminal on which to confirm',
      ['-i', 'lo', '--compare', '10m', '--page', 'off'],
      2,
    ],
    ['--compare: expected periods of at least 100 s', ['-i', 'lo', '--compare', '10s', '--on', 'true'], 2],
    ['nothing: no such interface', ['-i', 'nothing'], 1],
  ])('one line: %s', async (message, options, status) => {
    const run = await homeveilHere('watch', '--model', model.path, ...options);
    expect(run.stderr).toMatch(/^homeveil: [^\n]*\n$/);
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(status);
  });

  test('one line: no model, or one of other features', async () => {
    const none = await homeveilHere('watch', '-i', 'lo', '--model', join(folder, 'none'));
    expect(none.status).toBe(1);
    expect(none.stderr).toMatch(/^homeveil: [^\n]*expected a model[^\n]*\n$/);
    const other = join(folder, 'other');
    cpSync(model.path, other, { recursive: true });
    const features = { ...model.card.features, version: 999 };
    writeFileSync(join(other, 'card.json'), JSON.stringify({ ...model.card, features }));
    const refused = await homeveilHere('watch', '-i', 'lo', '--model', other);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^homeveil: [^\n]*of the packet features, found 999: train it again\n$/);
  });
});

/** Sends the frames of a classic capture on eth0, so many a second, and begins anew until it is ended if told to. */
const SENDER = `
import socket, struct, sys, time
frames, data, at = [], open(sys.argv[1], 'rb').read(), 24
while at < len(data):
    size = struct.unpack('<I', data[at + 8:at + 12])[0]
    frames.append(data[at + 16:at + 16 + size])
    at += 16 + size
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
rate, again = float(sys.argv[2]), len(sys.argv) > 3
begin, sent = time.time(), 0
while again or sent < len(frames):
    # An end, should nobody end it.
    if time.time() > begin + 30: break
    while sent < (time.time() - begin) * rate and (again or sent < len(frames)):
        out.send(frames[sent % len(frames)])
        sent += 1
    time.sleep(0.005)
`;

needs(whyNoNamespaces(), noProgram('dumpcap'), noProgram('python3')).describe('homeveil watch on an interface', () => {
  const sender = join(folder, 'sender.py');
  let network: Network;
  const ends: Host[] = [];
  beforeAll(() => {
    writeFileSync(sender, SENDER);
    network = createNetwork();
    for (const subnet of [1, 2]) {
      const [a, b] = [network.host(), network.host()];
      // No other host is there: frames to whomever end at the other end.
      network.link(a, b, { names: ['eth0', 'eth0'], addresses: [`10.77.${subnet}.1/24`, `10.77.${subnet}.2/24`] });
      ends.push(a, b);
    }
  });
  afterAll(() => network?.close());

  test('sees a home as identify sees its capture; Ctrl-C ends it, and the page shows what it shows', async () => {
    const [from, to] = ends as [Host, Host];
    // The capture is sent far faster than it was taken: the same message again would pass for a copy.
    const options = ['--json', '--every', '200ms', '--duplicates', 'keep'];
    const run = startOn(to, 'watch', '-i', 'eth0', '--model', model.path, ...options);
    await until(() => run.printed.stderr.includes('page: '));
    const expected = await identify(model, { captures: [home.pcap] });
    // Until the page's own namespace answers: from here it cannot be reached, and must not be.
    const url = run.printed.stderr.match(/page: (\S+)/)![1]!;
    expect(
      await new Promise((resolve) => get(url, () => resolve('answered')).on('error', () => resolve('refused'))),
    ).toBe('refused');
    const page = to.start(process.execPath, ['-e', `fetch('${url}').then((r) => r.text()).then(console.log)`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let markup = '';
    page.stdout!.on('data', (chunk) => {
      markup += chunk;
    });
    from.run('python3', sender, home.pcap, '500');
    const packets = () => lines(run.printed.stdout).at(-1)?.state.all.packets ?? 0;
    await until(() => run.printed.stdout.endsWith('\n') && packets() >= expected.data.packets);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    const last = lines(run.printed.stdout).at(-1)!;
    expect(last.source).toEqual({ kind: 'interface', name: 'eth0', isOver: true });
    expect(last.state.all.packets).toBe(expected.data.packets);
    expect(last.state.all.bytes).toBe(expected.data.bytes);
    expect(last.hosts).toBeGreaterThanOrEqual(expected.data.hosts!);
    expect(last.lost.skipped).toBe(0);
    expect(markup).toContain('What an observer could conclude right now');
  });

  test('where packets stay in the home, it asks whether this is the gateway', async () => {
    const [from, to] = ends as [Host, Host];
    const capture = join(folder, 'within.pcap');
    const frame = (from: string, to: string, ends: { from: string; to: string }) =>
      ethernet(0x0800, ipv4(17, udp(5000, 6000, filler(100)), { from, to }), ends);
    const [one, other] = [DEVICE, '02:00:00:00:00:77'];
    const there = frame('192.168.1.5', '192.168.1.6', { from: one, to: other });
    const back = frame('192.168.1.6', '192.168.1.5', { from: other, to: one });
    writeFileSync(capture, pcap([there, back].map((data) => ({ data, seconds: 1000, fraction: 0 }))));
    const options = ['--page', 'off', '--every', '500ms'];
    const run = startOn(to, 'watch', '-i', 'eth0', '--model', model.path, ...options);
    const sending = from.start('python3', [sender, capture, '50', 'again'], { stdio: 'ignore' });
    await until(() => run.printed.stdout.includes('no traffic leaves the home here: is this the gateway? ('));
    sending.kill();
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.printed.stdout.slice(run.printed.stdout.indexOf('no traffic leaves'))).not.toContain('0.0 packets/s');
  });

  test('before and after: starts and stops the noise, and finds its cost', async () => {
    const to = ends[3]!;
    const [capture, marks] = [join(folder, 'noise.pcap'), join(folder, 'marks')];
    // Without an answer nobody can tell the gateway from a host.
    const frame = (from: string, to: string, ends: { from: string; to: string }) =>
      ethernet(0x0800, ipv4(17, udp(5000, 5000, filler(958)), { from, to }), ends);
    const there = frame('192.168.1.5', '203.0.113.9', { from: DEVICE, to: GATEWAY });
    const back = frame('203.0.113.9', '192.168.1.5', { from: GATEWAY, to: DEVICE });
    writeFileSync(capture, pcap([there, back].map((data) => ({ data, seconds: 1000, fraction: 0 }))));
    const noise = `echo on >> ${marks}; trap 'echo off >> ${marks}; exit' INT; python3 ${sender} ${capture} 100 again`;
    const options = ['--span', '6s', '--compare', '3s', '--periods', '1', '--on', noise];
    const run = startOn(
      to,
      'watch',
      '-i',
      'eth0',
      '--model',
      model.path,
      '--page',
      'off',
      '--json',
      '--every',
      '200ms',
      ...options,
    );
    const status = () => lines(run.printed.stdout).at(-1)?.comparison;
    await until(() => run.printed.stdout.endsWith('\n') && status()?.phase === 'done');
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(readFileSync(marks, 'utf8')).toBe('on\noff\n');
    const { periods, rate, megabytesPerDay } = lines(run.printed.stdout).at(-1)!.comparison!.result!;
    expect(periods.map((period) => period.noise)).toEqual([false, true]);
    expect(rate.off).toBe(0);
    // 100 frames of 1000 bytes a second; the sender needs a moment to begin.
    expect(rate.on).toBeGreaterThan(30_000);
    expect(rate.on).toBeLessThan(150_000);
    expect(megabytesPerDay!.mean).toBeCloseTo((rate.on! * 86_400) / 1e6, 6);
    expect(megabytesPerDay!.low).toBeGreaterThan(0);
  });
});
