import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { renderStudyHtml } from '../../src/report/study.js';
import { type Browser, findChromium, startChromium } from './chromium.js';
import { expectSound } from './layout.js';
import { makeStudy, withTransfer } from './make-result.js';

const chromium = findChromium();

// Skipped where no Chromium is installed: how a page looks can only be checked by something that lays it out.
describe.skipIf(chromium === null)('the page of a study in a browser', () => {
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

  test.each([390, 1280])('is laid out soundly on %d pixels, complains of nothing and fetches nothing', (width) =>
    expectSound(browser, pathToFileURL(file).href, width),
  );
});
