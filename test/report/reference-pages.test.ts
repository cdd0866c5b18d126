import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { type Browser, findChromium, noChromium, startChromium } from '../support/chromium.js';
import { expectFitsPaper, expectSound } from '../support/layout.js';
import { needs } from '../support/needs.js';

const chromium = findChromium();
const page = (name: string) => pathToFileURL(fileURLToPath(new URL(`../../reports/${name}`, import.meta.url))).href;

// Made-up results do not have all that real ones have.
needs(noChromium()).describe('a page that is kept for reference', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium(chromium!);
  });
  afterAll(() => browser.close());

  test.each(['two-homes/report.html', 'two-homes/2-tjoconnor-vpn.html'])(
    '%s is sound on a phone and fits paper',
    async (name) => {
      await expectSound(browser, page(name), 390);
      await expectFitsPaper(browser, page(name), ['A4']);
    },
  );
});
