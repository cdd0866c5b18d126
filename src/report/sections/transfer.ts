import type { Result } from '../../result/result.js';
import { type Html, html } from '../kit/escape.js';
import { type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { mean } from '../reading.js';

/** Accuracy of models that were trained on one defense and tested on another: one matrix for each attack. */
export async function renderTransfer(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, (result, { specs }) => {
    const maps = transferMaps(result);
    return maps.length === 0 ? null : html`${maps.map((map) => renderHeatMap(map, specs))}`;
  });
  return renderSection('transfer', 'Trained on one defense, tested on another', INTRO, content);
}

const INTRO = html`<p>An observer may expect one defense and meet another. If a whole row is dark, a model trained on that defense also works against the others. If only the diagonal is dark, keeping the choice of defense secret, or changing it, helps.</p>
`;

/** The matrices of a result, for the page and as figures; none for a run without transfer. */
export function transferMaps(result: Result): HeatMap[] {
  const { transfer = [], spec } = result;
  if (transfer.length === 0) return [];
  const defenses = spec.defenses.map(({ label }) => label);
  return spec.attacks.map(({ label }, i) => ({
    id: spec.attacks.length > 1 ? `transfer-${i + 1}` : 'transfer-matrix',
    name: `Transfer of ${label} between defenses`,
    caption: html`Accuracy of ${label} in percent, mean over seeds. Rows: the defense in the traffic it was trained on; columns: the one it was tested on. The diagonal is the adaptive adversary, the row <code>none</code> the static one.`,
    corner: 'Trained on',
    columns: defenses,
    rows: defenses.map((trainedOn) => ({
      name: trainedOn,
      shares: defenses.map((testedOn) => transferAccuracy(result, label, trainedOn, testedOn)),
    })),
    reason: 'this pair was not part of the run',
  }));
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
