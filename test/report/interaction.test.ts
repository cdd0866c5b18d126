import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.js';
import { renderStudyHtml } from '../../src/report/study.js';
import type { Result } from '../../src/result/result.js';
import { type Browser, findChromium, noChromium, startChromium } from '../support/chromium.js';
import { makeResult, makeStudy, withTransfer } from '../support/make-result.js';
import { needs } from '../support/needs.js';

const chromium = findChromium();

needs(noChromium()).describe('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-report-'));
  const [report, study] = [join(folder, 'report.html'), join(folder, 'study.html')];
  let browser: Browser;
  let run: Result;
  beforeAll(async () => {
    const made = { attacks: ['random-forest', 'lstm'], devices: ['camera', 'plug', 'hub'], seeds: 2 };
    run = withTransfer(makeResult({ ...made, warnings: ['jitter loses real packets'], synthetic: true }));
    writeFileSync(report, await renderHtml(run));
    const { runs, ...rest } = makeStudy(2, made);
    writeFileSync(study, await renderStudyHtml({ ...rest, runs: runs.map(withTransfer) }, ['1.html', '2.html']));
    browser = await startChromium(chromium!);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (file: string, { width = 1280, scheme = 'light', media = '', scripts = true } = {}) => {
    const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await browser.call('Emulation.setDeviceMetricsOverride', screen);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await browser.call('Emulation.setEmulatedMedia', { media, features });
    await browser.call('Emulation.setScriptExecutionDisabled', { value: !scripts });
    await browser.open(pathToFileURL(file).href);
  };
  const press = async (key: string, code = key) => {
    const keys: Record<string, number> = {
      Tab: 9,
      Enter: 13,
      Escape: 27,
      End: 35,
      ArrowUp: 38,
      ArrowRight: 39,
      ArrowDown: 40,
    };
    const event = { key, code, windowsVirtualKeyCode: keys[key], ...(key === 'Enter' ? { text: '\r' } : {}) };
    await browser.call('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await browser.call('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  };
  /** Until what the page has been told to do has been seen to: scrolling hides a value that shows. */
  const settle = () =>
    browser.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  /** Scrolls to an element and moves the pointer to its middle. */
  const point = async (selector: string) => {
    const [x, y] = (await browser.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: 'center', behavior: 'instant' });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`)) as [number, number];
    await settle();
    await browser.call('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
    return { x, y };
  };
  const click = async (selector: string) => {
    const place = await point(selector);
    const button = { ...place, button: 'left', clickCount: 1 };
    await browser.call('Input.dispatchMouseEvent', { type: 'mousePressed', ...button });
    await browser.call('Input.dispatchMouseEvent', { type: 'mouseReleased', ...button });
  };
  const tip = () =>
    browser.evaluate(`document.querySelector('.tip').hidden ? null : document.querySelector('.tip').textContent`);
  const focus = async (selector: string) => {
    await browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await settle();
  };
  /** Titles of the panels that show, section by section. */
  const shown = (section: string) =>
    browser.evaluate(`[...document.querySelectorAll('section[aria-labelledby=${section}] .panel')]
      .filter((panel) => panel.checkVisibility()).map((panel) => panel.querySelector('summary').textContent)`);

  describe('choosing', () => {
    beforeEach(() => open(study));

    test('shows one setting and observer at a time, in all sections at once', async () => {
      expect(await shown('tradeoff')).toEqual(['home one napt', 'best attack, stronger adversary']);
      await focus('section[aria-labelledby=devices] select[data-key=setting]');
      await press('ArrowDown');
      expect(await shown('devices')).toEqual(['home one napt window 110', 'best attack, stronger adversary']);
      expect(await shown('tradeoff')).toEqual(['home one napt window 110', 'best attack, stronger adversary']);
      expect(await shown('costs')).toEqual(['home one napt window 110']);
      await focus('section[aria-labelledby=tradeoff] select[data-key=attack]');
      await press('ArrowDown');
      await press('ArrowDown');
      await focus('section[aria-labelledby=tradeoff] select[data-key=adversary]');
      await press('ArrowDown');
      expect(await shown('tradeoff')).toEqual(['home one napt window 110', 'lstm, static adversary']);
      expect(await shown('devices')).toEqual(['home one napt window 110', 'lstm, static adversary']);
    });

    test('leaves what the reader has in hand where it is', async () => {
      const select = 'section[aria-labelledby=transfer] select[data-key=setting]';
      await point(select);
      const top = () => browser.evaluate(`document.querySelector('${select}').getBoundingClientRect().top`);
      const before = (await top()) as number;
      await focus(select);
      await press('ArrowDown');
      expect(Math.abs(((await top()) as number) - before)).toBeLessThan(2);
    });

    test('of a defense shows the confusion under it', async () => {
      await open(report);
      const caption = () =>
        browser.evaluate(`[...document.querySelectorAll('section[aria-labelledby=confusion] caption')]
        .filter((caption) => caption.checkVisibility()).map((caption) => caption.textContent)`);
      expect(await caption()).toEqual([
        expect.stringContaining(`with none: ${run.summary[0]!.bestAttack}, adaptive adversary.`),
      ]);
      await focus('select[data-key=defense]');
      await press('ArrowDown');
      expect(await caption()).toEqual([
        expect.stringContaining(`with pad:rule=mtu: ${run.summary[1]!.bestAttack}, adaptive adversary.`),
      ]);
      await focus('section[aria-labelledby=presence] select[data-key=attack]');
      await press('End');
      expect(await caption()).toEqual([expect.stringContaining(`with pad:rule=mtu: lstm, adaptive adversary.`)]);
    });
  });

  describe('a table', () => {
    beforeEach(() => open(report));
    const column = (n: number) =>
      browser.evaluate(`[...document.querySelector('section[aria-labelledby=summary] table').tBodies[0].rows]
        .map((row) => Number(row.cells[${n}].dataset.sort))`) as Promise<number[]>;
    const sortOf = (n: number) =>
      browser.evaluate(
        `document.querySelector('section[aria-labelledby=summary] table').tHead.rows[0].cells[${n}].ariaSort`,
      );

    test('sorts upwards, downwards and back by its headers, with the mouse', async () => {
      const header = 'section[aria-labelledby=summary] thead th:nth-child(5) button';
      const original = await column(4);
      const upwards = [...original].sort((a, b) => a - b);
      expect(original).not.toEqual(upwards);
      await click(header);
      expect([await column(4), await sortOf(4)]).toEqual([upwards, 'ascending']);
      await click(header);
      expect([await column(4), await sortOf(4)]).toEqual([upwards.toReversed(), 'descending']);
      await click(header);
      expect([await column(4), await sortOf(4)]).toEqual([original, null]);
    });

    test('sorts with the keyboard, by one column only', async () => {
      await focus('section[aria-labelledby=summary] thead th:nth-child(3) button');
      await press('Enter');
      const scores = await column(2);
      expect(scores).toEqual([...scores].sort((a, b) => a - b));
      await press('Tab');
      await press('Enter');
      expect([await sortOf(2), await sortOf(3)]).toEqual([null, 'ascending']);
    });
  });

  describe('a value', () => {
    beforeEach(() => open(report));

    test('of a chart shows under the pointer, and goes with it or with Escape', async () => {
      await point('#privacy-traffic .wide path:has(title):nth-of-type(2)');
      expect(await tip()).toMatch(/^pad:rule=mtu: \d+\s% \(\d+\s% to \d+\s%\) at 128\s%$/);
      await press('Escape');
      expect(await tip()).toBeNull();
      await point('h1');
      await point('#privacy-traffic .wide [data-tip]');
      expect(await tip()).toMatch(/^pad:rule=mtu: /);
      await point('h2');
      expect(await tip()).toBeNull();
    });

    test('of a chart shows by the arrow keys', async () => {
      await focus('#privacy-traffic .wide svg');
      await press('ArrowRight');
      expect(await tip()).toMatch(/^none: /);
      await press('ArrowDown');
      expect(await tip()).toMatch(/^pad:rule=mtu: /);
      await press('ArrowUp');
      await press('ArrowUp');
      expect(await tip()).toMatch(/^pad:rule=mtu\+jitter: /);
      await press('Tab');
      expect(await tip()).toBeNull();
    });

    test('of a heat map shows with the names of its row and column', async () => {
      await point('section[aria-labelledby=devices] .heatmap tbody tr:nth-child(2) td:nth-child(4)');
      expect(await tip()).toMatch(/^(?:camera|plug|hub), pad:rule=mtu: \d+ %$/);
    });
  });

  test('the keyboard goes through the page in the order of reading, and where it is can be seen', async () => {
    await open(report);
    const places: { top: number; section: string; outline: string }[] = [];
    for (;;) {
      await press('Tab');
      const place = await browser.evaluate(`(() => {
        const at = document.activeElement;
        if (at === document.body) return null;
        const sections = [...document.querySelectorAll('section')];
        const { outlineStyle, outlineWidth } = getComputedStyle(at);
        return { top: sections.indexOf(at.closest('section')), outline: outlineStyle + ' ' + outlineWidth, visible: at.checkVisibility() };
      })()`);
      if (place === null || places.length > 200) break;
      places.push(place as (typeof places)[number]);
    }
    expect(places.length).toBeGreaterThan(30);
    expect(places.map(({ top }) => top)).toEqual(places.map(({ top }) => top).toSorted((a, b) => a - b));
    expect(new Set(places.map(({ outline }) => outline))).toEqual(new Set(['solid 2px']));
  });

  describe.each([
    ['a report', () => report],
    ['the page of a study', () => study],
  ])('%s', (_, file) => {
    test('says everything without a script', async () => {
      await open(file(), { scripts: false });
      const state = (await browser.evaluate(`({
        choosers: [...document.querySelectorAll('.choosers, .nothing')].filter((one) => one.checkVisibility()).length,
        hidden: document.querySelectorAll('.panel[hidden]').length,
        folded: [...document.querySelectorAll('summary')].filter((one) => !one.checkVisibility() && !one.closest('details:not([open]) > :not(summary)')).length,
        buttons: document.querySelectorAll('th button').length,
      })`)) as object;
      expect(state).toEqual({ choosers: 0, hidden: 0, folded: 0, buttons: 0 });
      // One open panel in each group, and each can be opened.
      expect(
        await browser.evaluate(`[...document.querySelectorAll('.panels')]
        .filter((group) => group.querySelectorAll(':scope > .panel[open]').length !== 1).length`),
      ).toBe(0);
    });

    test.each([true, false])('can be read on paper (scripts: %s)', async (scripts) => {
      await open(file(), { scripts, media: 'print', scheme: 'dark' });
      const { background, nav } = (await browser.evaluate(`({
        background: getComputedStyle(document.body).backgroundColor,
        nav: document.querySelector('nav').checkVisibility(),
      })`)) as { background: string; nav: boolean };
      expect([background, nav]).toEqual(['rgb(255, 255, 255)', false]);
      const { data } = await browser.call('Page.printToPDF', { printBackground: true });
      expect(
        Buffer.from(data as string, 'base64')
          .subarray(0, 5)
          .toString(),
      ).toBe('%PDF-');
    });

    // Each width and each scheme once: colours do not depend on the width.
    test.each([
      [1280, 'light'],
      [390, 'dark'],
    ])('breaks no rule of axe-core on %i pixels, %s', async (width, scheme) => {
      await open(file(), { width, scheme });
      const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
      await browser.evaluate(`${readFileSync(axe, 'utf8')};0`);
      // Folded text can be read as well, but in each group of panels only the chosen one.
      await browser.evaluate(
        `for (const details of document.querySelectorAll('details:not(.panel)')) details.open = true`,
      );
      const found = await browser.evaluate(`axe.run().then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | ')))`);
      expect(found).toEqual([]);
    });

    test('has headings that skip no level, and tables with captions and scopes', async () => {
      await open(file());
      const levels = (await browser.evaluate(
        `[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((one) => Number(one.tagName[1]))`,
      )) as number[];
      expect(levels[0]).toBe(1);
      expect(levels.filter((level, i) => i > 0 && (level === 1 || level > levels[i - 1]! + 1))).toEqual([]);
      expect(
        await browser.evaluate(
          `[...document.querySelectorAll('table')].filter((table) => !table.caption?.textContent).length`,
        ),
      ).toBe(0);
      expect(await browser.evaluate(`document.querySelectorAll('th:not([scope])').length`)).toBe(0);
    });
  });
});
