import { expect } from 'vitest';
import type { Browser } from './chromium.js';

/** Opens the page at `url` on a screen of `width` pixels: it is laid out soundly, complains of nothing and fetches nothing. */
export async function expectSound(browser: Browser, url: string, width: number): Promise<void> {
  const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
  await browser.call('Emulation.setDeviceMetricsOverride', screen);
  browser.events.length = 0;
  await browser.open(url);
  expect(await browser.evaluate(`(${chartFaults})()`)).toEqual([]);
  expect(await browser.evaluate(`(${referenceFaults})()`)).toEqual([]);
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

/** Widths of A4 and Letter less the margins of the page, in pixels of 1/96 inch. */
const PAPERS = { A4: ((210 - 30) / 25.4) * 96, Letter: (8.5 - 30 / 25.4) * 96 };

/** Nothing of the page at `url` reaches beyond the paper, folded tables included; where it does, all of it is printed smaller, or cut. */
export async function expectFitsPaper(
  browser: Browser,
  url: string,
  papers: readonly (keyof typeof PAPERS)[] = ['A4', 'Letter'],
): Promise<void> {
  await browser.call('Emulation.setEmulatedMedia', { media: 'print' });
  try {
    for (const paper of papers) {
      const screen = { width: Math.floor(PAPERS[paper]), height: 1000, deviceScaleFactor: 1, mobile: false };
      await browser.call('Emulation.setDeviceMetricsOverride', screen);
      await browser.open(url);
      expect(await browser.evaluate(`(${paperFaults})()`), paper).toEqual([]);
    }
  } finally {
    await browser.call('Emulation.setEmulatedMedia', { media: '' });
  }
}

/** Runs in the page: what reaches beyond its right edge, and numbers that are broken over lines. */
const paperFaults = `() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
  const width = document.documentElement.clientWidth;
  const shown = [...document.querySelectorAll('main *, header *')].filter((one) => one.checkVisibility() && !one.closest('svg svg, script'));
  const wide = shown.filter((one) => one.getBoundingClientRect().right > width + 1);
  const broken = shown.filter((one) => one.matches('td.num, td.heat') && one.children.length === 0 && one.textContent !== '')
    .filter((one) => {
      const range = document.createRange();
      range.selectNodeContents(one);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
    });
  return [...wide, ...broken].map((one) => one.tagName + '.' + one.className + ' ' + one.textContent.slice(0, 40)).slice(0, 5);
}`;

/** Runs in the page: texts of a chart that lie on a reference line, which is dashed or dotted. */
const referenceFaults = `() => {
  const faults = [];
  for (const svg of document.querySelectorAll('[id^=privacy-] svg, [id^=attacks-chart] svg')) {
    if (svg.getBoundingClientRect().width === 0) continue;
    const lines = [...svg.querySelectorAll('[stroke-dasharray]')].filter((one) => one.tagName !== 'g' && !one.closest('defs'))
      .concat([...svg.querySelectorAll('g[stroke-dasharray] line')]).map((one) => one.getBoundingClientRect());
    if (lines.length === 0) faults.push('no reference line');
    for (const text of svg.querySelectorAll('text')) {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      // The box of a text is higher than its letters.
      const [above, below] = [top + 3, bottom - 3];
      const on = lines.find((line) => line.left < right - 1 && line.right > left + 1 && line.top < below && line.bottom > above);
      if (on && text.textContent) faults.push(text.textContent + ' on a reference line');
    }
  }
  return [...new Set(faults)];
}`;

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
