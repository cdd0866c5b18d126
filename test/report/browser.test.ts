import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderStudyHtml } from '../../src/report/study.js';
import { type Browser, findChromium, noChromium, startChromium } from '../support/chromium.js';
import { expectFitsPaper, expectSound } from '../support/layout.js';
import { makeStudy, withTransfer } from '../support/make-result.js';
import { needs } from '../support/needs.js';

const chromium = findChromium();

needs(noChromium()).describe('the page of a study in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-report-'));
  const file = join(folder, 'report.html');
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium(chromium!);
    const study = makeStudy(3, { attacks: ['random-forest', 'lstm'], seeds: 1 });
    const page = await renderStudyHtml({ ...study, runs: study.runs.map(withTransfer) }, [
      '1.html',
      '2.html',
      '3.html',
    ]);
    writeFileSync(file, page);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each([390, 1280, 1600])('is laid out soundly on %d pixels, complains of nothing and fetches nothing', (width) =>
    expectSound(browser, pathToFileURL(file).href, width),
  );

  test('fits paper of either size', () => expectFitsPaper(browser, pathToFileURL(file).href));

  test('uses the width of a wide screen, and keeps its contents in sight there', async () => {
    await browser.call('Emulation.setDeviceMetricsOverride', {
      width: 1600,
      height: 900,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await browser.open(pathToFileURL(file).href);
    const { left, right, charts, nav } = (await browser.evaluate(`(() => {
      const box = (selector) => document.querySelector(selector).getBoundingClientRect();
      window.scrollTo(0, 3000);
      return { left: box('nav').left, right: box('main').right, charts: box('.pair').width, nav: box('nav').top };
    })()`)) as Record<string, number>;
    expect(left).toBeLessThan(60);
    expect(right).toBeGreaterThan(1540);
    expect(charts).toBeGreaterThan(1200);
    expect(nav).toBeGreaterThanOrEqual(0);
  });
});
