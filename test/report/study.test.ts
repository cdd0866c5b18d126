import { compile } from 'vega-lite';
import { describe, expect, test } from 'vitest';
import { renderStudyHtml, renderStudyPages } from '../../src/report/study.js';
import type { StudyResult } from '../../src/result/result.js';
import { DEFENSES, makeResult, makeStudy, withTransfer } from '../support/make-result.js';
import { specsOf } from '../support/page-specs.js';

const small = { attacks: ['random-forest'], devices: ['camera', 'plug'], defenses: DEFENSES.slice(0, 2), seeds: 1 };

/** Text between tags. */
const text = (markup: string): string =>
  markup
    .replaceAll(/<(script|style)\b.*?<\/\1>/gs, '')
    .replaceAll('<wbr>', '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00A0]+/g, ' ');

const section = (page: string, id: string): string =>
  page.match(new RegExp(`<section aria-labelledby="${id}">.*?</section>`, 's'))?.[0] ?? '';

describe('the page of a study', () => {
  test('says first what is left to the observer in each setting, and at what price', async () => {
    const study = makeStudy(2, small);
    const [one, other] = study.runs.map(({ summary }) => `${Math.round(100 * summary[1]!.accuracy.mean)} %`);
    const page = text(await renderStudyHtml(study, null));
    expect(page).toContain(`names the right device for ${other} to ${one} of packets, against`);
    expect(page).toMatch(
      new RegExp(
        `home one napt window 110 : ${other} with pad:rule=mtu , against \\d+ % without defense \\(chance 50 %`,
      ),
    );
    expect(page).toContain('for 128 % more traffic');
  });

  test('has every defense in every setting side by side, and says what was not run', async () => {
    const { runs, ...rest } = makeStudy(2, small);
    const [whole, other] = runs as [StudyResult['runs'][number], StudyResult['runs'][number]];
    const study = { ...rest, runs: [whole, { ...other, summary: other.summary.slice(0, 1) }] };
    const page = section(await renderStudyHtml(study, null), 'compared');
    const rows = [...page.match(/<tbody>.*?<\/tfoot>/s)![0].matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) =>
      text(row).trim(),
    );
    const share = (value: number) => String(Math.round(100 * value));
    expect(rows).toEqual([
      `none ${share(whole.summary[0]!.accuracy.mean)} ${share(other.summary[0]!.accuracy.mean)}`,
      `pad:rule=mtu ${share(whole.summary[1]!.accuracy.mean)} n/a`,
      'Majority 100 100',
    ]);
    expect(page).toContain('title="this defense was not run in this setting"');
  });

  test('lets one choose setting, attack and adversary where there is more than one', async () => {
    const chosen = async (settings: number, attacks: string[]) => {
      const page = section(await renderStudyHtml(makeStudy(settings, { ...small, attacks }), null), 'tradeoff');
      return [...page.matchAll(/<select data-key="(\w+)">/g)].map(([, key]) => key);
    };
    expect(await chosen(2, ['a', 'b'])).toEqual(['setting', 'attack', 'adversary']);
    expect(await chosen(1, ['a'])).toEqual(['adversary']);
  });

  test('shows transfer where a setting has it, and does not show it for another', async () => {
    const { runs, ...rest } = makeStudy(2, small);
    expect(section(await renderStudyHtml({ ...rest, runs }, null), 'transfer')).toBe('');
    const page = section(
      await renderStudyHtml({ ...rest, runs: [runs[0]!, withTransfer(runs[1]!)] }, null),
      'transfer',
    );
    expect([...page.matchAll(/data-key="setting" data-values="([^"]*)"/g)].map(([, values]) => values)).toEqual(['1']);
  });

  test('says once what all settings warn of, and names the settings of other warnings', async () => {
    const { runs, ...rest } = makeStudy(3, small);
    const warned = runs.map((run, i) => ({ ...run, warnings: i === 1 ? ['one seed', 'packets lost'] : ['one seed'] }));
    const page = text(
      section(
        await renderStudyHtml({ ...rest, runs: warned }, null).then((page) => page.replace('class="notice" ', '')),
        'warnings',
      ),
    );
    expect(page.trim()).toBe('2 warnings one seed home one napt window 110: packets lost');
  });

  test('names a dataset where all of its settings warn of the same, and not more than three settings', async () => {
    const { runs, ...rest } = makeStudy(6, small);
    const warned = runs.map((run, i) => ({
      ...run,
      dataset: { ...run.dataset, name: i < 2 ? 'one home' : 'other home' },
      warnings: [...(i < 2 ? ['cut short'] : []), ...(i > 0 && i < 5 ? ['packets lost'] : [])],
    }));
    const page = (await renderStudyHtml({ ...rest, runs: warned }, null)).replace('class="notice" ', '');
    expect(text(section(page, 'warnings')).trim()).toBe(
      '2 warnings one home: cut short home one napt window 110 and 3 other settings: packets lost',
    );
  });

  test('has what each attack names without defense, setting by setting', async () => {
    const study = makeStudy(2, { ...small, attacks: ['a', 'b'] });
    const page = section(await renderStudyHtml(study, null), 'settings');
    const [head, ...rows] = [...page.matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) => text(row).trim());
    expect(head).toMatch(/Packets.* a % .*b % .*Majority/);
    for (const [i, { cells }] of study.runs.entries()) {
      const best = (attack: string) =>
        Math.max(
          ...cells
            .filter((cell) => cell.attack === attack && cell.defense === 'none')
            .map(({ identification }) => identification.accuracy),
        );
      expect(rows[i]).toContain(` ${(100 * best('a')).toFixed(1)} ${(100 * best('b')).toFixed(1)} `);
    }
  });

  test('carries the specification of the figure of every setting and observer, with its own data', async () => {
    const study = makeStudy(3, small);
    const page = await renderStudyHtml(study, null);
    const specs = specsOf(page);
    expect(specs).toHaveLength(page.match(/<figure\b/g)!.length);
    for (const { spec } of specs) expect(compile(spec).spec.marks?.length).toBeGreaterThan(0);
    const attacks = specs.filter(({ kind }) => kind === 'attacks-chart').map(({ spec }) => spec.layer[2].data.values);
    expect(attacks.map((dots) => dots.map(({ accuracy }: { accuracy: number }) => accuracy))).toEqual(
      study.runs.map(({ cells }) => cells.map(({ identification }) => identification.accuracy)),
    );
    const recall = specs.filter(({ kind }) => kind === 'recall');
    // In each setting for the three observers: only under pad is the stronger adversary another than the static one.
    expect(recall).toHaveLength(3 * 2);
  });

  test.each([
    [5, 20],
    [50, 2],
  ])('stays under 3 MB for 200 cells: %i settings, %i defenses', async (settings, count) => {
    const defenses = Array.from({ length: count }, (_, i) => ({
      ...DEFENSES[i % 6]!,
      label: i === 0 ? 'none' : `pad:rule=${i}`,
    }));
    const study = makeStudy(settings, { attacks: ['random-forest'], defenses, seeds: 1 });
    expect(study.runs.flatMap(({ cells }) => cells)).toHaveLength(200);
    expect(Buffer.byteLength(await renderStudyHtml(study, null))).toBeLessThan(3_000_000);
  });

  test('does without defenses, and without cells', async () => {
    for (const run of [
      makeResult({ ...small, defenses: DEFENSES.slice(0, 1) }),
      { ...makeResult(small), cells: [], summary: [] },
    ]) {
      const { tool, environment } = run;
      const runs = [run, { ...run, spec: { ...run.spec, window: 50 } }];
      const page = await renderStudyHtml({ schemaVersion: 1, kind: 'study', name: '', tool, environment, runs }, null);
      expect(text(page)).toContain('No defense was measured');
      expect(text(page)).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
});

test('a study becomes its page and a report for each setting, to which that links', async () => {
  const [page, ...reports] = await renderStudyPages(makeStudy(2, small));
  expect([page!.name, ...reports.map(({ name }) => name)]).toEqual([
    'report.html',
    '1-home-one-napt.html',
    '2-home-one-napt-window-110.html',
  ]);
  for (const { name, text } of reports) {
    expect(page!.text).toContain(`href="${name}"`);
    expect(text).toContain('Which devices are mistaken for which');
  }
});
