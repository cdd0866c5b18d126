import type { TopLevelSpec } from 'vega-lite';
import { labelOf } from '../result/label.js';
import { checkVersion } from '../result/parse.js';
import type { Result, StudyResult } from '../result/result.js';
import { type Chart, lightSpec, renderSvgFile } from './kit/figure.js';
import { heatChart } from './kit/heat-map.js';
import { cellsOf, strongestDefense, undefendedRow } from './reading.js';
import { ageCharts } from './sections/ages.js';
import { attackChart } from './sections/attacks.js';
import { confusionMap } from './sections/confusion.js';
import { delayChart } from './sections/delays.js';
import { openWorldFigure } from './sections/open-world.js';
import { presenceMap } from './sections/presence.js';
import { recallMap } from './sections/recall.js';
import { tradeoffCharts } from './sections/tradeoff.js';
import { transferMaps } from './sections/transfer.js';
import { wholeHomeCharts } from './sections/whole-home.js';
import { slug } from './study.js';

/** Width of a figure in pixels, enough for most labels to be beside their points. */
const WIDTH = 900;

export interface Figure {
  readonly name: string;
  readonly svg: string;
  /** The Vega-Lite specification of the drawing. */
  readonly spec: TopLevelSpec;
}

/**
 * Renders the figures of a report, as the headline's observer sees them, as SVG files. `name` is the identifier in the report.
 * @throws InputError for a result of another schema version
 */
export async function renderFigures(result: Result): Promise<Figure[]> {
  checkVersion(result.schemaVersion, 'result');
  const charts = [
    ...tradeoffCharts(result),
    attackChart(result),
    ...wholeHomeCharts(result),
    ...ageCharts(result),
    openWorldFigure(result),
    delayChart(result),
    ...matrices(result),
  ];
  return Promise.all(
    charts
      .filter((chart) => chart !== null)
      .map(async (chart) => {
        const spec = lightSpec({ ...chart, width: WIDTH });
        return { name: chart.id, svg: await renderSvgFile(spec), spec };
      }),
  );
}

/** The figures of each setting. Their names begin like the name of the setting's page. */
export async function renderStudyFigures({ runs }: StudyResult): Promise<Figure[]> {
  const all: Figure[] = [];
  for (const [i, run] of runs.entries()) {
    const prefix = `${i + 1}-${slug(labelOf(run.spec))}`;
    all.push(...(await renderFigures(run)).map((figure) => ({ ...figure, name: `${prefix}-${figure.name}` })));
  }
  return all;
}

/** The heat maps of the page: recall, presence, transfer, and confusion without defense and under the strongest one. */
function matrices(result: Result): Chart[] {
  if (result.summary.length === 0) return [];
  const ends = [undefendedRow(result), strongestDefense(result)].filter((row) => row !== null);
  const confusions = ends.flatMap((row) => {
    const cells = cellsOf(result, row);
    if (cells.length === 0) return [];
    const map = confusionMap(result, row.defense, cells);
    return [{ ...map, id: row.defense === 'none' ? 'confusion-undefended' : 'confusion-strongest' }];
  });
  const presence = presenceMap(result);
  return [recallMap(result), ...(presence ? [presence] : []), ...transferMaps(result), ...confusions].map(heatChart);
}
