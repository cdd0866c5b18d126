import { expect } from 'vitest';
import type { Browser } from './chromium.js';

/** Opens the page at `url` on a screen of `width` pixels: it is laid out soundly, complains of nothing and fetches nothing. */
export async function expectSound(browser: Browser, url: string, width: number): Promise<void> {
  const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
  await browser.call('Emulation.setDeviceMetricsOverride', screen);
  browser.events.length = 0;
  await browser.open(url);
  expect(await browser.evaluate(`(${chartFaults})()`)).toEqual([]);
  await browser.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`);
  expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  const told = browser.events.filter(({ method }) =>
    ['Log.entryAdded', 'Runtime.consoleAPICalled', 'Runtime.exceptionThrown'].includes(method),
  );
  expect(told).toEqual([]);
  const urls = browser.events
    .filter(({ method }) => method === 'Network.requestWillBeSent')
    .map(({ params }) => (params.request as { url: string }).url);
  expect(urls.filter((url) => !url.startsWith('data:')).length).toBe(1);
}

/** Runs in the page: texts of a chart that cover each other or leave it. */
const chartFaults = `() => {
  const faults = [];
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const seen = new Map();
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      // A halo is the same text once more in the same place.
      if (text.textContent && box.width > 0) seen.set([text.textContent, Math.round(box.x), Math.round(box.y)].join(), box);
    }
    const all = [...seen];
    for (const [i, [name, a]] of all.entries()) {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1) {
        faults.push(name + ' leaves the chart');
      }
      for (const [other, b] of all.slice(i + 1)) {
        // The box of a text is higher than its letters: two pixels are only the space between lines.
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 2.5) faults.push(name + ' over ' + other);
      }
    }
  }
  return faults;
}`;
