import type { Result } from '../../result/result.js';
import { attacksChart } from '../charts/attacks.js';
import { breakable, type Html, html, trusted } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { fixed, isNumber, percent, percentage } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable, sorted } from '../kit/table.js';
import { attackScores, majorityWords, mean, repeatedCells } from '../reading.js';

/** Every attack by itself: what the best-attack numbers hide. */
export async function renderAttacks(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, async (result, place) => {
    const chart = attackChart(result);
    if (!chart) return null;
    const figure = await renderFigure(chart, place);
    return html`${figure}${renderCells(result)}${renderInsight(result)}`;
  });
  const intro =
    subject.adversaries.length > 1
      ? 'How far a filled dot lies right of its hollow one is what an observer gains by learning the defense: a defense is worth what is left of it after that.'
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
  const rest = told.length > 12 ? `, and ${told.length - 12} more; the table below has them all` : '';
  return attacksChart(
    rows,
    { majority, chance },
    {
      id: 'attacks-chart',
      width: 760,
      description: `Accuracy of every attack: ${told.slice(0, 12).join('; ')}${rest}.`,
      caption: html`Accuracy of each attack, mean over seeds. Hollow: static adversary, trained on undefended traffic; filled: adaptive adversary, trained on traffic under the same defense. Dashed: majority ${percent(majority)}; dotted: chance ${percent(chance)}.${words === '' ? '' : ` ${words}`}`,
    },
  );
}

function renderCells(result: Result): Html {
  const groups = repeatedCells(result);
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
    ];
  });
  return html`<details>
<summary>Every attack in numbers</summary>
${renderTable(
  'Every attack in numbers',
  `Scores in percent${several ? ', means over seeds; the range is from the lowest to the highest seed' : ''}.`,
  [
    { title: 'Defense' },
    { title: 'Attack' },
    { title: 'Adversary' },
    { title: 'Seeds', numeric: true },
    { title: 'Accuracy', numeric: true },
    { title: several ? 'Range' : '95 % interval', numeric: true },
    { title: 'Balanced', numeric: true },
    { title: 'Macro-F1', numeric: true },
  ],
  rows,
  { sortable: true },
)}
</details>`;
}

/** What the attacks report of their own training: out-of-bag score, importance of features. A table for each attack: they report other things. */
function renderInsight(result: Result): Html {
  const groups = repeatedCells(result).filter(({ cells }) => cells.some((cell) => cell.insight !== null));
  if (groups.length === 0) return html``;
  const tables = [...new Set(groups.map(({ attack }) => attack))].map((attack) => {
    const own = groups.filter((group) => group.attack === attack);
    const keys = [...new Set(own.flatMap(({ cells }) => cells.flatMap((cell) => Object.keys(cell.insight ?? {}))))];
    return renderTable(
      `What ${attack} goes by`,
      html`What <code>${breakable(attack)}</code> reports of its own training, means over seeds.`,
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
<summary>What the attacks go by</summary>
${tables}
</details>`;
}
