import type { Result } from '../../harness/result.js';
import { breakable, type Html, html } from '../escape.js';
import { heatCell } from '../heat-map.js';
import { mean } from '../reading.js';

/** What a model that was trained on one defense does against another: one matrix for each attack. */
export function renderTransfer(result: Result): Html {
  const { transfer = [], spec } = result;
  if (transfer.length === 0) return html``;
  return html`<section aria-labelledby="transfer">
<h2 id="transfer">Trained on one defense, tested on another</h2>
<p>An observer may expect one defense and meet another. Where a row is dark all along, a model trained on that defense serves against the others too; where only the diagonal is, keeping the choice of defense secret, or changing it, is worth something.</p>
${spec.attacks.map(({ label }) => renderMatrix(result, label))}
</section>
`;
}

function renderMatrix(result: Result, attack: string): Html {
  const defenses = result.spec.defenses.map(({ label }) => label);
  const cell = (trainedOn: string, testedOn: string): Html =>
    heatCell(transferAccuracy(result, attack, trainedOn, testedOn), 'this pair was not part of the run');
  return html`<div class="scroll" role="region" aria-label="Transfer of ${attack} between defenses" tabindex="0">
<table class="heatmap upright">
<caption>Accuracy of ${attack} in percent, mean over seeds. Rows: the defense in the traffic it was trained on; columns: the one it was tested on. The diagonal is the adaptive adversary, the row <code>none</code> the static one.</caption>
<thead><tr><th scope="col">Trained on</th>${defenses.map((defense) => html`<th scope="col" class="num"><span>${breakable(defense)}</span></th>`)}</tr></thead>
<tbody>
${defenses.map((trainedOn) => html`<tr><th scope="row">${breakable(trainedOn)}</th>${defenses.map((testedOn) => cell(trainedOn, testedOn))}</tr>\n`)}</tbody>
</table></div>
`;
}

/** Mean over seeds; null for a pair that was not run. */
function transferAccuracy(result: Result, attack: string, trainedOn: string, testedOn: string): number | null {
  const found = result.cells
    .filter((cell) => {
      const expected = cell.adversary === 'static' ? 'none' : testedOn;
      return cell.attack === attack && cell.defense === testedOn && trainedOn === expected;
    })
    .map((cell) => cell.identification.accuracy);
  const other = (result.transfer ?? [])
    .filter((cell) => cell.attack === attack && cell.trainedOn === trainedOn && cell.testedOn === testedOn)
    .map((cell) => cell.accuracy);
  return mean([...found, ...other]);
}
