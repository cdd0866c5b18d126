import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StudyResult } from '../../src/harness/result.js';
import { renderHtml } from '../../src/report/html.js';
import { renderStudyHtml } from '../../src/report/study.js';
import { type Browser, findChromium, startChromium } from './chromium.js';
import { EDGE_CASES } from './edge-cases.js';
import { makeStudy, withTransfer } from './make-result.js';

const chromium = findChromium();

// Skipped where no Chromium is installed: how a page looks can only be checked by something that lays it out.
describe.skipIf(chromium === null)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-report-'));
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium(chromium!);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const study: StudyResult = makeStudy(3, { attacks: ['random-forest', 'lstm'], seeds: 1 });
  const pages: [string, () => Promise<string>][] = [
    ...Object.entries(EDGE_CASES).map(([name, result]): [string, () => Promise<string>] => [
      `a report on ${name}`,
      () => renderHtml(result),
    ]),
    [
      'the page of a study',
      () => renderStudyHtml({ ...study, runs: study.runs.map(withTransfer) }, ['1.html', '2.html', '3.html']),
    ],
  ];

  describe.each(pages)('%s', (_, render) => {
    const file = join(folder, 'report.html');
    beforeAll(async () => writeFileSync(file, await render()));

    test.each([390, 1280])(
      'is laid out soundly on %d pixels, complains of nothing and fetches nothing',
      async (width) => {
        const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
        await browser.call('Emulation.setDeviceMetricsOverride', screen);
        browser.events.length = 0;
        await browser.open(pathToFileURL(file).href);
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
      },
    );
  });
});

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
