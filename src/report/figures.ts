import type { Result } from '../harness/result.js';
import { type Chart, renderSvgFile } from './figure.js';
import { checkVersion } from './parse.js';
import { attackChart } from './sections/attacks.js';
import { openWorldFigure } from './sections/open-world.js';
import { tradeoffCharts } from './sections/tradeoff.js';

/** A figure wide enough for most labels to lie beside their points. */
const WIDTH = 900;

/**
 * The report's charts, each as an SVG file of its own; `name` is its identifier in the report.
 * @throws InputError for a result of another schema version
 */
export async function renderFigures(result: Result): Promise<{ readonly name: string; readonly svg: string }[]> {
  checkVersion(result.schemaVersion, 'result');
  const others = [attackChart(result), openWorldFigure(result)].filter((chart) => chart !== null);
  const charts: Chart[] = [...tradeoffCharts(result), ...others];
  return Promise.all(
    charts.map(async (chart) => ({ name: chart.id, svg: await renderSvgFile({ ...chart, width: WIDTH }) })),
  );
}
