import { describe, expect, test } from 'vitest';
import { delayAxisStart } from '../../src/report/charts/delays.js';
import { renderHtml } from '../../src/report/html.js';
import { pooledDelays } from '../../src/report/reading.js';
import type { Cell, Cost, Result } from '../../src/result/result.js';
import { DEFENSES, makeResult } from '../support/make-result.js';

const text = (markup: string): string =>
  markup
    .replaceAll(/<script\b.*?<\/script>/gs, '')
    .replaceAll('<wbr>', '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00A0]+/g, ' ');

async function section(result: Result, id: string): Promise<string> {
  return (await renderHtml(result)).match(new RegExp(`<section aria-labelledby="${id}">.*?</section>`, 's'))?.[0] ?? '';
}

const withCells = (result: Result, change: (cell: Cell) => Partial<Cell>): Result => ({
  ...result,
  cells: result.cells.map((cell) => ({ ...cell, ...change(cell) })),
});

describe('costs in words', () => {
  const inWords = async (cost: Partial<Cost>) => {
    const made = makeResult({ defenses: DEFENSES.slice(0, 2), attacks: ['a'], seeds: 1 });
    const result = withCells(made, (cell) => ({ cost: { ...cell.cost, ...cost } }));
    return text((await section(result, 'costs')).match(/<dd>(.*?)<\/dd>/s)![1]!);
  };
  const delays = (p50: number, p95: number, max: number) => ({ addedDelay: { p50, p95, p99: max, max } });

  test('are a day, a month, and what that is in video', async () => {
    // 3000 MB an hour: 350 MB are 7 minutes, 12 GB are 4 hours.
    expect(await inWords({ megabytesPerDay: 350, ...delays(0, 0, 0) })).toBe(
      '350 MB more a day, 11 GB a month, as 7 minutes of video a day; no packet waits.',
    );
    expect(await inWords({ megabytesPerDay: 12_000, ...delays(0, 0, 0) })).toMatch(
      /^12 GB more a day, 365 GB a month, as 4 hours/,
    );
    expect(await inWords({ megabytesPerDay: -4.2, ...delays(0, 0, 0) })).toMatch(
      /^4\.2 MB less a day, 128 MB a month; no/,
    );
  });

  test('say what delay is like, and what is lost', async () => {
    const free = { megabytesPerDay: 0 };
    expect(await inWords({ ...free, ...delays(0.05, 0.09, 0.1) })).toBe(
      'No extra traffic; half of the packets wait up to 50 ms, 19 of 20 up to 90 ms: nobody notices.',
    );
    expect(await inWords({ ...free, ...delays(0, 0.4, 1), dropped: 3 })).toMatch(
      /wait not at all, 19 of 20 up to 400 ms: a switch responds noticeably later; 3 packets of the test part are lost\.$/,
    );
    expect(await inWords({ ...free, ...delays(1, 4, 9) })).toMatch(/up to 4\.0 s: users of a switch have to wait\.$/);
    expect(await inWords({ ...free, ...delays(0, 0, 0.2) })).toMatch(/; hardly any packet waits\.$/);
  });

  test('do not make up what is not defined', async () => {
    const nothing = { p50: null, p95: null, p99: null, max: null };
    expect(await inWords({ megabytesPerDay: null, addedDelay: nothing })).toBe(
      'Traffic a day is not defined; no packet was delivered.',
    );
  });
});

describe('the distribution of delays', () => {
  test('counts the packets of all seeds', () => {
    const result = withCells(makeResult({ attacks: ['a'], seeds: 2 }), ({ cost, seed }) => ({
      cost: { ...cost, delayHistogram: { from: 1e-4, binsPerDecade: 10, counts: seed === 1 ? [1, 2] : [10, 20, 30] } },
    }));
    expect(pooledDelays(result, result.summary[0]!)!.counts).toEqual([11, 22, 30]);
  });

  test('has an axis from the power of ten below which fewer than one packet in a hundred waits', () => {
    const row = (counts: number[]) => ({
      defense: 'x',
      percentiles: { p50: 0.1, p95: 0.2, max: 0.3 },
      histogram: { from: 1e-4, binsPerDecade: 10, counts },
    });
    // Bin 26 begins at 31.6 ms, bin 31 at 100 ms.
    const late = (bin: number, before: number) => [before, ...new Array<number>(bin - 1).fill(0), 1000];
    expect(delayAxisStart([row(late(26, 0))])).toBe(-2);
    expect(delayAxisStart([row(late(31, 9))])).toBe(-1);
    expect(delayAxisStart([row(late(31, 9)), row(late(26, 0))])).toBe(-2);
    expect(delayAxisStart([row(late(31, 20))])).toBeNull();
    expect(delayAxisStart([{ ...row([]), histogram: null }])).toBe(-1);
  });

  test('is drawn for defenses that delay, and says which do not', async () => {
    const page = await section(makeResult({ defenses: [DEFENSES[0]!, DEFENSES[4]!], attacks: ['a'] }), 'costs');
    expect(text(page)).toMatch(/No delay, or no packet delivered: none\./);
    const free = await section(makeResult({ defenses: DEFENSES.slice(0, 2), attacks: ['a'] }), 'costs');
    expect(text(free)).toContain('No defense in this run delays packets.');
  });
});

describe('confusion', () => {
  test('gives shares of each device over all seeds, and the commonest mistakes in words', async () => {
    const made = makeResult({
      defenses: DEFENSES.slice(0, 1),
      attacks: ['a'],
      adversaries: ['adaptive'],
      devices: ['plug', 'hub'],
      seeds: 2,
    });
    const result = withCells(made, ({ identification, seed }) => ({
      identification: {
        ...identification,
        perDevice: Object.fromEntries(
          Object.entries(identification.perDevice).map(([name, score]) => [name, { ...score, support: 100 }]),
        ),
        // One packet in ten of the hub gets no answer.
        confusion:
          seed === 1
            ? [
                [90, 10],
                [20, 70],
              ]
            : [
                [100, 0],
                [40, 50],
              ],
      },
    }));
    const page = await section(result, 'confusion');
    expect(text(page)).toContain('Most frequent mistakes: hub for plug (30 %); plug for hub (5.0 %).');
    const rows = [...page.matchAll(/<tr><th scope="row">(\w+)<\/th>(.*?)<\/tr>/gs)].map(([, name, cells]) => [
      name,
      ...[...cells!.matchAll(/>(\d*)<\/td>/g)].map(([, share]) => share),
    ]);
    expect(rows.toSorted()).toEqual(expect.arrayContaining([expect.arrayContaining(['hub', '60', '30'])]));
    expect(rows.toSorted()).toEqual(expect.arrayContaining([expect.arrayContaining(['plug', '95', '5'])]));
  });

  test('is left to the result file where it would make the page heavy, and the page says so', async () => {
    const devices = Array.from({ length: 30 }, (_, i) => `device ${i}`);
    const page = await section(makeResult({ devices, attacks: ['a', 'b', 'c'], seeds: 1 }), 'confusion');
    expect(text(page)).toContain('the others are in the result file');
    expect(page.match(/<table/g)!.length).toBe(DEFENSES.length);
  });
});

test('each device has a sentence: what is known of it, and what helps it most', async () => {
  const made = makeResult({
    defenses: DEFENSES.slice(0, 2),
    attacks: ['a'],
    adversaries: ['adaptive'],
    devices: ['plug', 'hub'],
    seeds: 1,
  });
  const result = withCells(made, ({ identification, defense }) => {
    const score = (recall: number) => ({ recall, precision: recall, f1: recall, support: 10 });
    const perDevice = { plug: score(defense === 'none' ? 0.9 : 0.3), hub: score(0.6) };
    return { identification: { ...identification, perDevice } };
  });
  const page = text(await section(result, 'devices'));
  expect(page).toContain(
    'plug : identified reliably without defense (90 % of its packets recognised), seldom or never identified at best: 30 % of its packets recognised with pad:rule=mtu .',
  );
  expect(page).toContain(
    'hub : identified more often than not without defense (60 % of its packets recognised); no defense here hides it better.',
  );
});
