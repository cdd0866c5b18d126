import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadedModel } from '../../src/harness/observer/model-folder.js';
import { appliedView, windowing } from '../../src/harness/setting.js';
import { type Comparison, createComparison } from '../../src/watch/comparison.js';
import { renderWatchPage } from '../../src/watch/page.js';
import { parsePlace, serveWatch, type WatchServer } from '../../src/watch/server.js';
import { type WatchView, watch } from '../../src/watch/watch.js';
import { createWatcher } from '../../src/watch/watcher.js';
import { type Browser, findChromium, noChromium, startChromium } from '../support/chromium.js';
import { needs } from '../support/needs.js';
import { makeHome, trainSmall } from '../support/small-model.js';

const home = makeHome(2, 0.1);
let server: WatchServer;
let view: WatchView;
let comparison: Comparison;

/** A view to be shown, with a name that no page should take for markup. */
const HOSTILE = '<img src=x onerror=alert(1)>';
const withComparison = (): WatchView => ({ ...view, comparison: comparison.status });

beforeAll(async () => {
  const model: LoadedModel = await trainSmall({ defense: 'dummy' });
  const seen = await watch(model, { pcap: home.pcap }, new AbortController().signal);
  const devices = seen.state.devices.map((device, i) => (i === 1 ? { ...device, name: HOSTILE } : device));
  view = { ...seen, state: { ...seen.state, devices } };
  const { card, identifier } = model;
  const options = {
    ...{ identifier, classes: card.classes, mistaken: card.scores!.mistaken, span: 60 },
    windowing: windowing({ ...card, port: card.features.port }, appliedView(card)),
  };
  comparison = createComparison(createWatcher(options), options, { seconds: 60, pairs: 1 }, null);
  server = await serveWatch(parsePlace('0'), { comparison });
  server.show(withComparison());
});
afterAll(() => server.close());

function ask(path: string, { method = 'GET', headers = {}, body = '' } = {}) {
  const url = new URL(path, server.url);
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('where nothing leaves the home, the page asks whether this is the gateway, in place of figures', () => {
  const page = renderWatchPage({ ...view, nothingLeaves: true, captured: 1234 });
  expect(page).toContain('No traffic leaves the home here: is this the gateway? (1,234 packets captured');
  expect(page).not.toContain('<dl class="figures">');
  expect(renderWatchPage(view)).toContain('<dl class="figures">');
});

describe('the server', () => {
  test('is of this machine alone', () => {
    expect(new URL(server.url).hostname).toBe('127.0.0.1');
    expect(parsePlace('[::1]:80')).toEqual({ host: '::1', port: 80 });
    expect(parsePlace('localhost:80')).toEqual({ host: '127.0.0.1', port: 80 });
    expect(() => parsePlace('0.0.0.0:80')).toThrow('--page: expected a loopback address');
    expect(() => parsePlace('192.168.1.5:80')).toThrow('the page is only for this machine');
    expect(() => parsePlace('99999')).toThrow('--page: expected a port');
    expect(() => parsePlace('http')).toThrow('--page: expected a port');
  });

  test('answers who asks for a loopback name and knows the secret, nobody else', async () => {
    const { port } = new URL(server.url);
    expect((await ask('')).status).toBe(200);
    expect((await ask('', { headers: { Host: `localhost:${port}` } })).status).toBe(200);
    expect((await ask('', { headers: { Host: `rebound.example:${port}` } })).status).toBe(421);
    expect((await ask('', { headers: { Host: '127.0.0.1:1' } })).status).toBe(421);
    expect((await ask('/')).status).toBe(404);
    expect((await ask(`/${'0'.repeat(32)}/`)).status).toBe(404);
    expect((await ask('../events')).status).toBe(404);
    expect((await ask('', { method: 'PUT' })).status).toBe(405);
  });

  test('takes buttons of its own page only, and says what a form lacks', async () => {
    const { origin } = new URL(server.url);
    const post = (body: string, headers = {}) => ask('compare', { method: 'POST', body, headers });
    expect((await post('', { Origin: 'http://evil.example' })).status).toBe(403);
    expect((await post('', { Origin: 'null' })).status).toBe(403);
    expect(comparison.status.phase).toBe('idle');
    const short = await post('minutes=0.01&pairs=1', { Origin: origin });
    expect([short.status, short.text]).toEqual([
      400,
      '--compare: expected periods of at least 10 s (a sixth of --span), found 0.6 s\n',
    ]);
    expect((await post('x'.repeat(5000))).status).toBe(400);
    expect((await ask('explode', { method: 'POST' })).status).toBe(400);
    expect(comparison.status.phase).toBe('idle');
    // Without a script a form leads back to the page.
    expect(await post('minutes=1&pairs=1', { Origin: origin })).toMatchObject({
      status: 303,
      headers: { location: './' },
    });
    expect(comparison.status).toMatchObject({ phase: 'turn off', request: { seconds: 60, pairs: 1 } });
    await comparison.cancel();
  });

  test('lets the page fetch nothing from elsewhere, and nobody frame or store it', async () => {
    const { headers } = await ask('');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
    expect(headers['cache-control']).toBe('no-store');
  });

  test('has the state as JSON, and all of it in the page without a script', async () => {
    const { state } = JSON.parse((await ask('state.json')).text) as WatchView;
    expect(state).toEqual(view.state);
    const { text } = await ask('');
    for (const { name, all } of state.devices) {
      if (name !== HOSTILE) expect(text).toContain(`<th scope="row">${name}</th>`);
      expect(text).toContain(`<td class="num">${all.packets.toLocaleString('en-US')}</td>`);
    }
    expect(text).not.toContain('<img');
  });
});

const chromium = findChromium();

needs(noChromium()).describe('the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium(chromium!);
  });
  afterAll(() => browser.close());

  const open = async ({ width = 1280, scheme = 'light' } = {}) => {
    const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await browser.call('Emulation.setDeviceMetricsOverride', screen);
    await browser.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    browser.events.length = 0;
    await browser.open(server.url);
    await becomes(`document.querySelector('#connection').textContent`, 'Live: updated once a second.');
  };
  const becomes = (expression: string, value: unknown) =>
    expect.poll(() => browser.evaluate(expression), { timeout: 10_000 }).toEqual(value);
  const textOf = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.textContent.trim()`;
  const click = (text: string) =>
    browser.evaluate(`[...document.querySelectorAll('button')].find((one) => one.textContent === '${text}').click()`);
  const told = () =>
    browser.events.filter(({ method }) =>
      ['Log.entryAdded', 'Runtime.consoleAPICalled', 'Runtime.exceptionThrown'].includes(method),
    );

  test('shows the devices, and what is new as it comes', async () => {
    server.show(withComparison());
    await open();
    const names = `[...document.querySelectorAll('#devices th')].map((cell) => cell.textContent)`;
    const order = [...view.state.devices].sort(
      (a, b) => b.now.packets - a.now.packets || b.all.packets - a.all.packets,
    );
    expect(await browser.evaluate(names)).toEqual(order.map(({ name }) => name));
    const devices = view.state.devices.map((device) => ({
      ...device,
      now: { ...device.now, seen: false, packets: 0 },
    }));
    server.show({ ...withComparison(), state: { ...view.state, devices } });
    await becomes(textOf('#headline'), 'In the last 10 min the model sees no device.');
    const urls = browser.events
      .filter(({ method }) => method === 'Network.requestWillBeSent')
      .map(({ params }) => (params.request as { url: string }).url)
      .filter((url) => !url.startsWith('data:'));
    expect(urls).toEqual([server.url, `${server.url}events`]);
    expect(told()).toEqual([]);
  });

  test('the buttons lead through before and after', async () => {
    server.show(withComparison());
    await open();
    await browser.evaluate(`document.querySelector('[name=minutes]').value = '0.01'`);
    await click('Compare before and after');
    await becomes(textOf('#problem'), '--compare: expected periods of at least 10 s (a sixth of --span), found 0.6 s');
    await browser.evaluate(`document.querySelector('[name=minutes]').value = '1'`);
    await click('Compare before and after');
    await expect.poll(() => comparison.status.phase).toBe('turn off');
    server.show(withComparison());
    await becomes(textOf('#phase'), 'period 1 of 2: switch the noise off, then confirm');
    await becomes(textOf('#problem'), '');
    await click('The noise is off now');
    await expect.poll(() => comparison.status.phase).toBe('off');
    const begun = Date.now() / 1000;
    await comparison.tick(begun + 61);
    server.show(withComparison());
    await becomes(textOf('#phase'), 'period 2 of 2: switch the noise on, then confirm');
    await click('The noise is on now');
    await expect.poll(() => comparison.status.phase).toBe('on');
    await comparison.tick(begun + 130);
    await comparison.tick(begun + 140);
    expect(comparison.status.phase).toBe('done');
    server.show(withComparison());
    await becomes(`document.querySelectorAll('#done tbody tr').length`, 3);
    await becomes(textOf('#done p'), 'Seen with the noise off: none. Seen with it on: none.');
  });

  test('what has not changed keeps the focus', async () => {
    server.show(withComparison());
    await open();
    await browser.evaluate(`document.querySelector('[name=pairs]').focus()`);
    const later = { ...withComparison(), state: { ...view.state, time: view.state.time! + 3600 } };
    server.show(later);
    await becomes(
      `[...document.querySelectorAll('#devices td:nth-of-type(6)')].some((cell) => cell.textContent === '1 h')`,
      true,
    );
    expect(await browser.evaluate('document.activeElement.name')).toBe('pairs');
  });

  test.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ])('breaks no rule of axe-core on %i pixels, %s, and fits', async (width, scheme) => {
    server.show({ ...withComparison(), warnings: ['the model was never tested'] });
    await open({ width, scheme });
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    await browser.evaluate(`${readFileSync(axe, 'utf8')};0`);
    const found = await browser.evaluate(`axe.run().then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`);
    expect(found).toEqual([]);
    expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const { SCREENSHOTS } = process.env;
    if (SCREENSHOTS === undefined) return;
    const { data } = await browser.call('Page.captureScreenshot', { captureBeyondViewport: true });
    writeFileSync(join(SCREENSHOTS, `${width}-${scheme}.png`), Buffer.from(data as string, 'base64'));
  });
});
