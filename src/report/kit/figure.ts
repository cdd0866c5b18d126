import type { TopLevelSpec } from 'vega-lite';
import { type Html, html, trusted } from './escape.js';
import type { Specs } from './specs.js';
import { type Colors, LIGHT, PAGE_COLORS } from './theme.js';

/** A drawing of a given width: its Vega-Lite specification, and the key below it that does not fit in. */
export interface Drawing {
  readonly spec: TopLevelSpec;
  readonly below?: Html;
}

/** A chart that can be drawn at any width, in pixels, and in any colours. */
export interface Chart {
  readonly id: string;
  /** One or two sentences that describe the chart, for readers who cannot see it. */
  readonly description: string;
  readonly caption: Html;
  /** Width on a large screen. For a phone the chart is drawn again, at {@link NARROW}. */
  readonly width: number;
  draw(width: number, colors: Colors): Drawing;
}

/** Width of a phone of 390 pixels without the margins of the page. */
const NARROW = 350;

/** The place of a figure: the suffix of its identifier, and the specifications of the page. */
export interface FigurePlace {
  readonly suffix: string;
  readonly specs: Specs;
}

/** Draws `chart` for large and for small screens. */
export async function renderFigure(chart: Chart, { suffix, specs }: FigurePlace): Promise<Html> {
  const { description, caption, width } = chart;
  const id = `${chart.id}${suffix}`;
  const wide = await renderDrawing(chart.draw(width, PAGE_COLORS), id);
  const narrow = await renderDrawing(chart.draw(NARROW, PAGE_COLORS), id);
  return html`<figure class="chart" id="${id}">
<p id="${id}-described" hidden>${description}</p>
<div class="wide">${wide}</div>
<div class="narrow">${narrow}</div>
<figcaption>${caption}</figcaption>
${specs.embed(chart.id, lightSpec(chart))}</figure>
`;
}

/** The Vega-Lite specification of a chart, in the colours of a light page. */
export function lightSpec({ draw, width }: Chart): TopLevelSpec {
  return draw(width, LIGHT).spec;
}

/** A chart alone, as an SVG file. */
export async function renderSvgFile(spec: TopLevelSpec): Promise<string> {
  const svg = await renderSvg(spec);
  return `<?xml version="1.0" encoding="utf-8"?>\n${svg}\n`;
}

/** @param id identifier of the figure, whose description applies to the drawing */
async function renderDrawing({ spec, below }: Drawing, id: string): Promise<Html> {
  const svg = await renderSvg(spec);
  // The page scales the drawing, so the renderer's fixed size is replaced by the view box.
  const [, width, height] = svg.match(/viewBox="0 0 ([\d.]+) ([\d.]+)"/)!;
  const inner = svg.slice(svg.indexOf('>') + 1);
  return html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-described" viewBox="0 0 ${width!} ${height!}">${trusted(slimmed(inner))}${below ?? ''}`;
}

/** Attributes that elements inherit from their group. */
const INHERITED = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-linejoin',
  'stroke-dasharray',
  'font-size',
  'font-weight',
  'text-anchor',
];

/** A group with elements of one kind only: the marks of a layer, the lines or labels of an axis. */
const GROUP = /<g>((?:<(line|text|path)\b[^>]*(?:\/>|>(?:[^<]|<title>|<\/title>)*<\/\2>))+)<\/g>/g;

/** Shortens the renderer's markup to a third without changing the picture. Texts have no tags, since they are escaped. */
function slimmed(svg: string): string {
  return (
    svg
      // The description of a mark becomes its title, which a browser shows under the pointer.
      .replaceAll(/<(\w+) aria-label="([^"]*)" role="graphics-symbol"([^>]*)\/>/g, '<$1$3><title>$2</title></$1>')
      // Other roles and names, default values and fourth digits add nothing.
      .replaceAll(/<[^>]+>/g, (tag) =>
        tag
          .replaceAll(/ (?:aria-[a-z]+|role|class|pointer-events|font-family|stroke-miterlimit)="[^"]*"/g, '')
          .replaceAll(/ (?:opacity="1"|font-weight="normal"|[xy]2="0")/g, '')
          .replaceAll(/(\.\d\d)\d+/g, '$1'),
      )
      .replaceAll(/<text([^>]*) transform="translate\(([-\d.]+),([-\d.]+)\)"/g, '<text$1 x="$2" y="$3"')
      // Removes colourless backgrounds and empty groups.
      .replaceAll(/<path d="[^"]*"(?: display="none")?\/>|<g\/>/g, '')
      .replaceAll(GROUP, (_, elements: string) => {
        const tags = elements.match(/<(?:line|text|path)\b[^>]*>/g)!;
        const shared = INHERITED.flatMap((name) => {
          const attribute = tags[0]!.match(new RegExp(` ${name}="[^"]*"`))?.[0];
          return attribute && tags.every((tag) => tag.includes(attribute)) ? [attribute] : [];
        });
        const bare = shared.reduce((text, attribute) => text.replaceAll(attribute, ''), elements);
        return `<g${shared.join('')}>${bare}</g>`;
      })
  );
}

/** Renders a Vega-Lite specification as SVG, without a browser. */
async function renderSvg(spec: TopLevelSpec): Promise<string> {
  // Loading takes half a second, which commands without charts should not pay.
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** The configuration of all charts: type, axes and lines. Sizes are those of the page at the width of the chart. */
export function chartBase(colors: Colors): Pick<TopLevelSpec, '$schema' | 'autosize' | 'background' | 'config'> {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    // Each chart sets paddings for axes and labels, since the renderer does not know the fonts.
    autosize: { type: 'none' },
    background: colors.paper,
    config: {
      aria: false,
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      axis: {
        domain: false,
        ticks: false,
        gridColor: colors.line,
        gridWidth: 1,
        labelColor: colors.muted,
        labelFontSize: 12,
        labelPadding: 6,
        labelLimit: 0,
        titleColor: colors.ink,
        titleFontSize: 12.5,
        titleFontWeight: 'normal',
        titleLimit: 0,
      },
      text: { fontSize: 12, color: colors.ink },
    },
  };
}
