import type { Cell, Result } from '../../result/result.js';
import { attacksChart } from '../charts/attacks.js';
import { breakable, type Html, html, trusted } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { duration, firstOf, fixed, isNumber, percent, percentage } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable, sorted } from '../kit/table.js';
import { attackScores, majorityWords, mean, repeatedCells, shownWords } from '../reading.js';

/** The accuracy of every attack, not only the best. */
export async function renderAttacks(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, async (result, place) => {
    const chart = attackChart(result);
    if (!chart) return null;
    const figure = await renderFigure(chart, place);
    return html`${figure}${renderCells(result)}${renderInsight(result)}`;
  });
  const intro =
    subject.adversaries.length > 1
      ? 'The distance from a hollow dot to the filled one shows how much an observer gains by learning the defense. Judge a defense by the filled dots.'
      : `Only the ${subject.adversaries[0] ?? ''} adversary was part of this run.`;
  return renderSection('attacks', 'Attack by attack', html`<p>${intro}</p>\n`, content);
}

/** Null for a result without cells. */
export function attackChart(result: Result): Chart | null {
  const rows = attackScores(result);
  const reference = result.summary[0];
  if (rows.length === 0 || !reference) return null;
  const { chance, majority } = reference;
  const words = majorityWords(result);
  const told = rows.map(
    ({ defense, attack, scores }) =>
      `${attack} under ${defense} ${scores.map(({ adversary, accuracy }) => `${percent(accuracy)} ${adversary}`).join(', ')}`,
  );
  return attacksChart(
    rows,
    { majority, chance },
    {
      id: 'attacks-chart',
      width: 760,
      description: `Accuracy of every attack: ${firstOf(told, 'the table below has them all')}.`,
      caption: html`Accuracy of each attack, mean over seeds. Hollow: static adversary, trained on undefended traffic; filled: adaptive adversary, trained on traffic under the same defense. Dashed: majority ${percent(majority)}; dotted: chance ${percent(chance)}.${words === '' ? '' : ` ${words}`}`,
    },
  );
}

function renderCells(result: Result): Html {
  const groups = repeatedCells(result);
  const areShown = groups.some(({ cells }) => shownWords(cells[0]!) !== null);
  const several = groups.some(({ cells }) => cells.length > 1);
  const rows = groups.map(({ defense, attack, adversary, cells }) => {
    const accuracies = cells.map((cell) => cell.identification.accuracy).filter(isNumber);
    const { accuracyLow, accuracyHigh } = cells[0]!.identification;
    const [low, high] = several ? [Math.min(...accuracies), Math.max(...accuracies)] : [accuracyLow, accuracyHigh];
    return [
      breakable(defense),
      breakable(attack),
      adversary,
      cells.length,
      sorted(mean(accuracies), percentage(mean(accuracies))),
      isNumber(low) && isNumber(high)
        ? `${percentage(low)}–${percentage(high)}`
        : orReason(percentage(null), 'too few packets for an interval'),
      ...[
        mean(cells.map((cell) => cell.identification.balancedAccuracy)),
        mean(cells.map((cell) => cell.identification.macroF1)),
      ].map((score) => sorted(score, percentage(score))),
      ...(areShown
        ? [
            shownWords(cells[0]!) ?? '–',
            inOwnUnit(cells),
            sorted(secondsOf(cells), orReason(duration(secondsOf(cells)), 'it answers packet by packet')),
            sorted(
              mean(cells.map(({ seconds }) => seconds.fit)),
              duration(mean(cells.map(({ seconds }) => seconds.fit))),
            ),
          ]
        : []),
    ];
  });
  return html`<details>
<summary>Every attack in numbers</summary>
${renderTable(
  'Every attack in numbers',
  `Scores in percent${several ? ', means over seeds; the range is from the lowest to the highest seed' : ''}.${areShown ? ' Windows: accuracy by window, and that of always naming the commonest device, for an attack that answers so. Traffic: the median time that such a window takes.' : ''}`,
  [
    { title: 'Defense' },
    { title: 'Attack' },
    { title: 'Adversary' },
    { title: 'Seeds', numeric: true },
    { title: 'Accuracy', numeric: true },
    { title: several ? 'Range' : '95 % interval', numeric: true },
    { title: 'Balanced', numeric: true },
    { title: 'Macro-F1', numeric: true },
    ...(areShown
      ? [
          { title: 'Sees' },
          { title: 'Windows / majority', numeric: true },
          { title: 'Traffic', numeric: true },
          { title: 'Training', numeric: true },
        ]
      : []),
  ],
  rows,
  { sortable: true },
)}
</details>`;
}

function inOwnUnit(cells: readonly Cell[]): string {
  if (!cells.some(({ inWindows }) => inWindows)) return '–';
  const meanOf = (key: 'accuracy' | 'majority') => percentage(mean(cells.map(({ inWindows }) => inWindows?.[key])));
  return `${meanOf('accuracy')} / ${meanOf('majority')}`;
}

function secondsOf(cells: readonly Cell[]): number | null {
  return mean(cells.map(({ inWindows }) => inWindows?.seconds));
}

/** Figures that the attacks report of their training, such as out-of-bag score and feature importance. Each attack has its own table. */
function renderInsight(result: Result): Html {
  const groups = repeatedCells(result).filter(({ cells }) => cells.some((cell) => cell.insight !== null));
  if (groups.length === 0) return html``;
  const tables = [...new Set(groups.map(({ attack }) => attack))].map((attack) => {
    const own = groups.filter((group) => group.attack === attack);
    const keys = [...new Set(own.flatMap(({ cells }) => cells.flatMap((cell) => Object.keys(cell.insight ?? {}))))];
    return renderTable(
      `Training of ${attack}`,
      html`Figures that <code>${breakable(attack)}</code> reports of its training, means over seeds.`,
      [
        { title: 'Defense' },
        { title: 'Adversary' },
        ...keys.map((key) => ({
          title: html`${key.split(/(?<=\.)|(?<=[a-z])(?=[A-Z])/).map((part, i) => html`${i > 0 ? trusted('<wbr>') : ''}${part}`)}`,
          numeric: true,
        })),
      ],
      own.map(({ defense, adversary, cells }) => [
        breakable(defense),
        adversary,
        ...keys.map((key) =>
          orReason(fixed(mean(cells.map((cell) => cell.insight?.[key])), 3), 'this attack does not report it'),
        ),
      ]),
    );
  });
  return html`<details>
<summary>Training of the attacks</summary>
${tables}
</details>`;
}
