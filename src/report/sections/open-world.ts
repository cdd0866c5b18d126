import type { OpenWorldScores, Result, SummaryRow } from '../../result/result.js';
import { openWorldChart } from '../charts/open-world.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { counted, fixed, percentage } from '../kit/format.js';
import { deviceHeader, type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import type { Specs } from '../kit/specs.js';
import { orReason, renderTable } from '../kit/table.js';
import { cellsOf, mean, strongestDefense, undefendedRow } from '../reading.js';

const NOT_MET = 'no packet of a device of this kind is in the test part';

/** Columns of a table of the open world. */
export const OPEN_WORLD_COLUMNS = ['Known named %', 'AUROC', 'OSCR', 'Unknown found %', 'False alarms %'];

export function openWorldFigures(result: Result, row: SummaryRow): string[] {
  const { known, auroc, oscr, recall, falseAlarms } = meanOpenWorld(result, row);
  return [percentage(known), fixed(auroc, 2), fixed(oscr, 2), percentage(recall), percentage(falseAlarms)];
}

/** The success of an observer who meets devices that they have never learnt; empty in a closed world. */
export async function renderOpenWorld(result: Result, specs: Specs): Promise<Html> {
  const { summary } = result;
  if (!isOpenWorld(result)) return html``;
  const chart = openWorldFigure(result);
  const rows = summary.map((row): Content[] => [
    breakable(row.defense),
    percentage(row.accuracy.mean),
    ...openWorldFigures(result, row).map((figure) => orReason(figure, NOT_MET)),
  ]);
  return html`<section aria-labelledby="open-world">
<h2 id="open-world">Devices that the observer has never met</h2>
<p>This is an open world: ${describeHeldOut(result)} Observers call a packet unknown if they are not certain enough of any device that they know. They set the threshold on known devices alone, at the end of the training time, so that one in ten of their packets would be below it. In this report, <em>accuracy</em> is the share of real packets with the right answer: their device, or “unknown” for an unknown one.</p>
${renderTable(
  'Open world',
  'The best attack in an open world, means over seeds. Known named: packets of known devices that are attributed to their device in a closed world, where none is called unknown. AUROC: how well certainty separates known from unknown devices. It is 0.5 for guessing; below that, unknown devices look more familiar than known ones. OSCR: known packets named correctly, averaged over the share of unknown ones that are named. Unknown found: packets of unknown devices called unknown. False alarms: packets of known devices called unknown.',
  [
    { title: 'Defense' },
    { title: 'Accuracy\u00A0%', numeric: true },
    ...OPEN_WORLD_COLUMNS.map((title) => ({ title: title.replace(' %', '\u00A0%'), numeric: true })),
  ],
  rows,
)}
${chart ? await renderFigure(chart, { suffix: '', specs }) : ''}
${renderUnknown(result, specs)}
</section>
`;
}

export function isOpenWorld({ cells }: Result): boolean {
  return cells.some(({ openWorld }) => openWorld !== undefined);
}

/** `Each of 3 seeds holds out 2 devices.` */
function describeHeldOut({ spec }: Result): string {
  const { unknown, seeds } = spec;
  const training = 'they are not in the training traffic, but in the test part.';
  if (typeof unknown === 'number') {
    return `${counted(unknown, 'device')} held out in ${seeds === 1 ? 'its one seed' : `each of its ${seeds} seeds, in turn`}: ${training}`;
  }
  return `${counted(unknown?.length, 'device')} held out: ${training}`;
}

/** Scores of the best attack of a row in an open world, means over seeds; null if there is none. */
interface MeanOpenWorld {
  readonly known: number | null;
  readonly auroc: number | null;
  readonly oscr: number | null;
  readonly recall: number | null;
  readonly falseAlarms: number | null;
  /** Empty if there is none. */
  readonly curve: readonly number[];
}

function meanOpenWorld(result: Result, row: SummaryRow): MeanOpenWorld {
  const all = scoresOf(result, row);
  const curves = all.map(({ curve }) => curve).filter((curve) => curve.length > 0);
  return {
    known: mean(all.map(({ known }) => known.accuracy)),
    auroc: mean(all.map(({ auroc }) => auroc)),
    oscr: mean(all.map(({ oscr }) => oscr)),
    recall: mean(all.map(({ recall }) => recall)),
    falseAlarms: mean(all.map(({ falseAlarms }) => falseAlarms)),
    curve: (curves[0] ?? []).map((_, i) => mean(curves.map((curve) => curve[i]))!),
  };
}

function scoresOf(result: Result, row: SummaryRow): OpenWorldScores[] {
  return cellsOf(result, row).flatMap(({ openWorld }) => openWorld ?? []);
}

/** The curves without defense and with the strongest one; null if there is neither. */
export function openWorldFigure(result: Result): Chart | null {
  const named = [undefendedRow(result), strongestDefense(result)].flatMap((row) => {
    if (!row) return [];
    const { curve, oscr } = meanOpenWorld(result, row);
    return curve.length > 0 ? [{ row, curve, oscr }] : [];
  });
  if (named.length === 0) return null;
  const nameOf = ({ row }: (typeof named)[number]) =>
    row.defense === 'none' ? 'without defense' : `with ${row.defense}`;
  const areas = named.map((one) => `${nameOf(one)} ${fixed(one.oscr, 2)}`).join(', ');
  return openWorldChart(
    named.map(({ row, curve }) => ({ defended: row.defense !== 'none', rates: curve })),
    {
      id: 'open-world-chart',
      width: 560,
      description: `Known packets named correctly against unknown packets named, over all thresholds. Area under the curve: ${areas}.`,
      caption: html`Known packets named correctly against unknown packets named, over all thresholds, mean over seeds. ${named.map((one) => html`${one.row.defense === 'none' ? 'Dashed' : 'Solid'}: ${breakable(nameOf(one))}, area ${fixed(one.oscr, 2)}. `)}At the right end, every packet is named.`,
    },
  );
}

/** The held-out devices that are noticed, and the devices that the others are mistaken for. */
function renderUnknown(result: Result, specs: Specs): Html {
  const { summary } = result;
  const reference = undefendedRow(result) ?? summary[0]!;
  const names = new Set(
    summary.flatMap((row) => scoresOf(result, row).flatMap(({ perUnknown }) => Object.keys(perUnknown))),
  );
  const of = (row: SummaryRow, name: string) =>
    scoresOf(result, row).flatMap(({ perUnknown }) => (Object.hasOwn(perUnknown, name) ? perUnknown[name]! : []));
  const found = (row: SummaryRow, name: string) => mean(of(row, name).map(({ recall }) => recall));
  const rows = [...names].sort((a, b) => (found(reference, b) ?? -1) - (found(reference, a) ?? -1));
  const map: HeatMap = {
    id: 'unknown-map',
    name: 'Packets of each unknown device that are called unknown, under each defense',
    caption: `Share of each unknown device’s packets, in percent, that are called unknown, mean over the seeds that held it out; and the known device that most of the others are attributed to${reference.defense === 'none' ? ' without defense' : ''}.`,
    corner: 'Device',
    counted: 'Packets',
    columns: summary.map((row) => row.defense),
    rows: rows.map((name) => {
      const taken = of(reference, name).find(({ takenFor }) => takenFor !== null)?.takenFor;
      return {
        name,
        header: html`${deviceHeader(result, name)}${taken ? html`<span class="interval">taken for ${taken}</span>` : ''}`,
        count: mean(of(reference, name).map(({ support }) => support)),
        shares: summary.map((row) => found(row, name)),
      };
    }),
    reason: 'no packet of this device was scored',
  };
  return renderHeatMap(map, specs);
}
