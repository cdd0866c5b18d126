import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile } from 'vega-lite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.js';
import { render } from '../../src/report/kit/escape.js';
import { renderHeadline } from '../../src/report/sections/headline.js';
import type { Result } from '../../src/result/result.js';
import { type Browser, findChromium, noChromium, startChromium } from '../support/chromium.js';
import { EDGE_CASES } from '../support/edge-cases.js';
import { expectFitsPaper, expectSound } from '../support/layout.js';
import { DEFENSES, DEVICES, makeResult } from '../support/make-result.js';
import { needs } from '../support/needs.js';
import { specsOf } from '../support/page-specs.js';

/** The text that a reader sees, between tags, without styles and embedded specifications. */
function visible(page: string): string {
  return page
    .replaceAll(/<(style|script)\b[^>]*>.*?<\/\1>/gs, '')
    .replaceAll('<wbr>', '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00A0]+/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}

const chromium = findChromium();
const inBrowser = needs(noChromium());
let browser: Browser | undefined;
beforeAll(async () => {
  if (chromium !== null) browser = await startChromium(chromium);
});
afterAll(() => browser?.close());

describe.each(Object.entries(EDGE_CASES))('a report on %s', (_, result) => {
  let page = '';
  beforeAll(async () => {
    page = await renderHtml(result);
  });

  test('is one sound page that needs nothing from outside', () => {
    expect(visible(page).match(/.{40}(?:\b(?:NaN|undefined|null|Infinity)\b|\[object).{40}/g)).toBeNull();
    expect(page.match(/\s(?:src|href|xlink:href)="(?!#|data:,")/)).toBeNull();
    expect(page.match(/@import|url\(|@font-face/)).toBeNull();
    for (const tag of page.match(/<[a-z][^>]*>/gi)!) expect(tag.replaceAll(/"[^"]*"/g, '')).not.toMatch(/\son[a-z]+=/);
    expect(page.match(/<(?:img|iframe|object|embed|base|form)\b/)).toBeNull();
    expect(scriptsRun(page)).toEqual(scriptsAllowed(page));
    expect(unbalanced(page)).toEqual([]);
    expect(Buffer.byteLength(page)).toBeLessThan(3_000_000);
  });

  test('carries the specification of each figure, and describes every drawing', () => {
    const figures = page.match(/<figure[^>]*>.*?<\/figure>/gs) ?? [];
    for (const figure of figures) expect(figure.match(/ class="vega-lite"/g)).toHaveLength(1);
    const specs = specsOf(page);
    expect(specs).toHaveLength(figures.length);
    // Only the first chart of each kind, which is whole, and the last: compiling takes its time.
    for (const { spec } of new Map(
      [...specs, ...specs.toReversed()].map((one, i) => [`${one.kind} ${i < specs.length}`, one]),
    ).values()) {
      expect(JSON.stringify(spec)).not.toContain('var(');
      expect(compile(spec).spec.marks?.length).toBeGreaterThan(0);
    }
    for (const [, id] of page.matchAll(/<svg\b[^>]*role="img" aria-labelledby="([^"]*)"/g)) {
      expect(page.match(new RegExp(`<p id="${id}" hidden>([^<]{20,})</p>`))).not.toBeNull();
    }
    expect(page.match(/<svg\b(?![^>]*role="img" aria-labelledby=)/)).toBeNull();
  });

  test('links to sections that are there', () => {
    for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  for (const width of [390, 1280]) {
    inBrowser.test(`is laid out soundly on ${width} pixels, complains of nothing and fetches nothing`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'homeveil-report-'));
      writeFileSync(join(folder, 'report.html'), page);
      await expectSound(browser!, pathToFileURL(join(folder, 'report.html')).href, width);
      rmSync(folder, { recursive: true });
    });
  }

  inBrowser.test('fits paper', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeveil-report-'));
    writeFileSync(join(folder, 'report.html'), page);
    // Letter is wider.
    await expectFitsPaper(browser!, pathToFileURL(join(folder, 'report.html')).href, ['A4']);
    rmSync(folder, { recursive: true });
  });
});

/** Hashes of the scripts that a browser would run, and of those that the page's policy lets it. */
function scriptsRun(page: string): string[] {
  const scripts = [...page.matchAll(/<script type="module">(.*?)<\/script>/gs)];
  const others = page.match(
    /<script\b(?! type="(?:module"|application\/json(?:-patch\+json)?" class="vega-lite" [a-z-]+="[a-z0-9-]+")>)[^>]*>/g,
  );
  expect(others).toBeNull();
  return scripts.map(([, source]) => createHash('sha256').update(source!).digest('base64'));
}

function scriptsAllowed(page: string): string[] {
  const [, policy] = page.replaceAll('&#39;', "'").match(/script-src ([^;]*);/)!;
  return policy!.split(' ').map((source) => source.replace(/^'sha256-(.*)'$/, '$1'));
}

/** Elements that are closed by another's end tag, or not at all. */
function unbalanced(page: string): string[] {
  const empty = new Set(['meta', 'link', 'wbr', 'br', '!doctype']);
  const open: string[] = [];
  const faults: string[] = [];
  const markup = page.replaceAll(/<(style|script)\b[^>]*>.*?<\/\1>/gs, '');
  for (const [tag, slash, name] of markup.matchAll(/<(\/?)([a-z!][a-z0-9]*)\b[^>]*>/gi)) {
    if (empty.has(name!.toLowerCase()) || tag.endsWith('/>')) continue;
    if (!slash) open.push(name!);
    else if (open.pop() !== name) faults.push(tag);
  }
  return [...faults, ...open];
}

describe('the headline', () => {
  const whole = (result: Result) => render(renderHeadline(result));
  const headline = (result: Result) => visible(whole(result).match(/<p class="headline">.*?<\/p>/s)![0]).trim();

  test('states the strongest defense, what it is measured against, and its price', async () => {
    expect(headline(makeResult({ defenses: DEFENSES.slice(0, 4), seeds: 1 }))).toMatch(
      /^An observer who knows the defense names the right device for \d+ % of packets with pad:rule=mtu , against \d+ % without defense \(chance 8\.3 %, majority 18 %\), for 128 % more traffic\.$/,
    );
  });

  test('gives the numbers of the summary', async () => {
    const result = makeResult();
    const row = { ...result.summary[1]!, accuracy: { mean: 0.4712, low: 0.45, high: 0.492 }, addedDelayP95: 0.0952 };
    const none = { ...result.summary[0]!, accuracy: { mean: 0.694, low: 0.48, high: 0.7 } };
    const page = visible(whole({ ...result, summary: [none, row] }));
    expect(page).toContain('for 47 % of packets with pad:rule=mtu , against 69 % without defense');
    expect(page).toContain('for 128 % more traffic and 95 ms more delay (95th percentile).');
    expect(page).toContain('95 % intervals: 45 % to 49 % with it, 48 % to 70 % without; the drop is');
  });

  test('goes by the interval of the drop, or, where a result has none, by whether the two intervals overlap', async () => {
    const result = makeResult({ defenses: DEFENSES.slice(0, 2) });
    const told = (dropLow: number | undefined, dropHigh: number | undefined) => {
      const [none, row] = result.summary;
      const close = { ...row!, accuracy: { mean: 0.6, low: 0.5, high: 0.7 }, dropLow, dropHigh };
      const before = { ...none!, accuracy: { mean: 0.64, low: 0.54, high: 0.74 } };
      const page = whole({ ...result, summary: [before, close] });
      return visible(page.match(/<p class="uncertainty">.*?<\/p>/s)![0]).trim();
    };
    expect(told(0.035, 0.051)).toMatch(/without; the drop is 3\.5 to 5\.1 percentage points\.$/);
    expect(told(-0.01, 0.09)).toMatch(/ −1\.0 to 9\.0 percentage points\. That includes 0, so the difference may/);
    expect(told(undefined, undefined)).toMatch(/without\. The two overlap, so the difference may be chance\.$/);
  });

  test('says so where no defense helps', async () => {
    const useless = { label: 'pad:rule=block', keeps: 1.1, bandwidth: 0.01, delay: 0 };
    expect(headline(makeResult({ defenses: [DEFENSES[0]!, useless] }))).toMatch(
      /^No defense in this run helps\. An observer who knows the defense still names/,
    );
  });

  test('does without undefended traffic, without defenses, and with a static adversary only', async () => {
    const none = makeResult({ defenses: DEFENSES.slice(0, 1) });
    expect(headline(none)).toMatch(/^Without any defense, an observer names the right device for/);
    const alone = makeResult({ defenses: DEFENSES.slice(1, 2), adversaries: ['static'] });
    expect(headline(alone)).toMatch(/^An observer who has only seen undefended traffic names .* pad:rule=mtu \(/);
  });
});

describe('a report', () => {
  test('is the same for the same result', async () => {
    expect(await renderHtml(makeResult())).toBe(await renderHtml(makeResult()));
  });

  test('stays under 3 MB for 200 cells and thirty devices', async () => {
    const devices = Array.from({ length: 30 }, (_, i) => `${DEVICES[i % DEVICES.length]} ${i}`);
    const defenses = Array.from({ length: 20 }, (_, i) => ({
      ...DEFENSES[i % 6]!,
      label: i === 0 ? 'none' : `pad:${i}`,
    }));
    const result = makeResult({ attacks: ['a', 'b', 'c', 'd', 'e'], defenses, devices, seeds: 1 });
    expect(result.cells.length).toBe(200);
    expect(Buffer.byteLength(await renderHtml(result))).toBeLessThan(3_000_000);
  });

  test('marks synthetic data, and only that', async () => {
    const small = { attacks: ['random-forest'], defenses: DEFENSES.slice(0, 2), seeds: 1 };
    const page = await renderHtml(makeResult({ ...small, synthetic: true }));
    expect(page).toContain('<span class="badge">synthetic data</span>');
    expect(await renderHtml(makeResult(small))).not.toContain('class="badge"');
  });

  test('shows every warning ahead of the findings', async () => {
    const warnings = Array.from({ length: 9 }, (_, i) => `warning number ${i} of <nine>`);
    const page = await renderHtml(makeResult({ warnings, attacks: ['random-forest'], seeds: 1 }));
    const [before] = page.split('id="tradeoff"');
    for (let i = 0; i < 9; i++) expect(before).toContain(`warning number ${i} of &lt;nine&gt;`);
  });

  test('writes the recall of each device under each defense into the heat map, sorted by the undefended', async () => {
    const result = makeResult({ seeds: 1, attacks: ['random-forest'], devices: ['plug', 'camera'] });
    const cells = result.cells.map((cell) => {
      if (cell.defense !== 'none') return cell;
      const score = { precision: 1, f1: 0.5, support: 10 };
      const perDevice = { plug: { ...score, recall: 0.333 }, camera: { ...score, recall: 0.888 } };
      return { ...cell, identification: { ...cell.identification, perDevice } };
    });
    const page = await renderHtml({ ...result, cells });
    const body = page.match(/<table class="heatmap.*?<tbody>(.*?)<\/tbody>/s)![1]!;
    const rows = [...body.matchAll(/<tr><th scope="row">(\w+)<\/th><td class="num">[\d,]+<\/td><td[^>]*>(\d+)</g)];
    expect(rows.map(([, ...cells]) => cells)).toEqual([
      ['camera', '89'],
      ['plug', '33'],
    ]);
    expect(visible(page)).toContain('Without defense Reliably (1 of 2): camera Seldom or never (1 of 2): plug');
  });

  test('says why a value is not available', async () => {
    const page = await renderHtml(makeResult({ defenses: [DEFENSES[1]!], adversaries: ['static'] }));
    expect(page).toContain('<abbr title="this adversary was not part of the run">n/a</abbr>');
    expect(page).toContain('<abbr title="the run has no undefended traffic (defense none) to compare with">n/a</abbr>');
  });

  test('puts bound, bits and cover beside the best attack, and says where the bound is too low', async () => {
    const result = makeResult({ defenses: [DEFENSES[0]!, DEFENSES[1]!], devices: ['plug', 'camera'], seeds: 2 });
    const metrics = result.metrics!.map((one) => ({
      ...one,
      accuracyBound: one.defense === 'none' ? 0.2 : one.seed === 1 ? 0.98 : 0.99,
      mutualInformation: { port: 0.5, length: one.seed },
      coverAuc: one.defense === 'none' ? null : 0.625,
    }));
    const page = await renderHtml({ ...result, metrics });
    const section = page.match(/<section aria-labelledby="bounds">.*?<\/section>/s)![0];
    const rows = [...section.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)].map(([row]) =>
      visible(row).trim().split(/ +/),
    );
    expect(rows[0]!.slice(2)).toEqual(['20.0', '0.50', '1.50', '0.80', 'n/a']);
    expect(rows[1]!.slice(2)).toEqual(['98.5', '0.50', '1.50', '0.80', '0.63']);
    expect(visible(section)).toContain('An attack does better than the estimated bound with none:');
  });

  test('tells presence by device and defense, and over all devices', async () => {
    const result = makeResult({ defenses: [DEFENSES[0]!], devices: ['plug', 'camera'], seeds: 2 });
    const cells = result.cells.map((cell) => ({
      ...cell,
      presence: {
        hours: 10,
        active: 0.75,
        precision: 0.9,
        recall: cell.seed === 1 ? 0.5 : 0.7,
        perDevice: {
          plug: { precision: 1, recall: 0.25, activeHours: 10 },
          camera: { precision: null, recall: null, activeHours: 0 },
        },
      },
    }));
    const page = await renderHtml({ ...result, cells });
    const section = visible(page.match(/<section aria-labelledby="presence">.*?<\/section>/s)![0]);
    expect(section).toContain('The test part has 10 hours with traffic; the devices are active in 75 % of them');
    expect(section).toMatch(/plug 10 25 .*camera 0 n\/a .*All devices, recall 60 All devices, precision 90/);
  });

  test('shows the interval of each drop but that of none', async () => {
    const page = await renderHtml(makeResult({ defenses: DEFENSES.slice(0, 2) }));
    const table = page
      .match(/<section aria-labelledby="summary">.*?<\/table>/s)![0]
      .replaceAll(/ data-sort="[^"]*"/g, '');
    const cells = [...table.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)].map(([row]) => row.split('</td>')[2]!);
    expect(visible(cells[0]!).trim()).toBe('0.0');
    expect(visible(cells[1]!)).toMatch(/ [\d.]+ [\d.]+–[\d.]+ /);
  });
});
