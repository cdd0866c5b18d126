import type { Result } from '../../harness/result.js';
import { attacksChart } from '../charts/attacks.js';
import { type Html, html } from '../escape.js';
import { renderFigure } from '../figure.js';
import { isNumber, percent, percentage } from '../format.js';
import { attackScores, mean, repeatedCells } from '../reading.js';
import { orReason, renderTable } from '../table.js';

/** Every attack by itself: what the best-attack numbers hide. */
export async function renderAttacks(result: Result): Promise<Html> {
  const rows = attackScores(result);
  const reference = result.summary[0];
  if (rows.length === 0 || !reference) return html``;
  const { chance, majority } = reference;
  const both = result.spec.adversaries.length > 1;
  const told = rows.map(
    ({ defense, attack, scores }) =>
      `${attack} under ${defense} ${scores.map(({ adversary, accuracy }) => `${percent(accuracy)} ${adversary}`).join(', ')}`,
  );
  const rest = told.length > 12 ? `, and ${told.length - 12} more; the table below has them all` : '';
  const figure = await renderFigure(
    attacksChart(
      rows,
      { majority, chance },
      {
        id: 'attacks-chart',
        width: 760,
        description: `Accuracy of every attack: ${told.slice(0, 12).join('; ')}${rest}.`,
        caption: html`Accuracy of each attack, mean over seeds. Hollow: static adversary, trained on undefended traffic; filled: adaptive adversary, trained on traffic under the same defense. Dashed: majority ${percent(majority)}; dotted: chance ${percent(chance)}.`,
      },
    ),
  );
  return html`<section aria-labelledby="attacks">
<h2 id="attacks">Attack by attack</h2>
<p>${
    both
      ? 'How far a filled dot lies right of its hollow one is what an observer gains by learning the defense: a defense is worth what is left of it after that.'
      : `Only the ${result.spec.adversaries[0] ?? ''} adversary was part of this run.`
  }</p>
${figure}
${renderCells(result)}
</section>
`;
}

function renderCells(result: Result): Html {
  const rows = repeatedCells(result).map(({ defense, attack, adversary, cells }) => {
    const accuracies = cells.map((cell) => cell.identification.accuracy).filter(isNumber);
    return [
      defense,
      attack,
      adversary,
      cells.length,
      percentage(mean(accuracies)),
      accuracies.length > 1
        ? `${percentage(Math.min(...accuracies))}–${percentage(Math.max(...accuracies))}`
        : orReason(percentage(null), 'one seed has no range'),
      percentage(mean(cells.map((cell) => cell.identification.balancedAccuracy))),
      percentage(mean(cells.map((cell) => cell.identification.macroF1))),
    ];
  });
  return html`<details>
<summary>Every attack in numbers</summary>
${renderTable(
  'Every attack in numbers',
  'Scores in percent, means over seeds; the range is from the lowest to the highest seed.',
  [
    { title: 'Defense' },
    { title: 'Attack' },
    { title: 'Adversary' },
    { title: 'Seeds', numeric: true },
    { title: 'Accuracy', numeric: true },
    { title: 'Range', numeric: true },
    { title: 'Balanced', numeric: true },
    { title: 'Macro-F1', numeric: true },
  ],
  rows,
)}
</details>`;
}
