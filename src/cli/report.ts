import { dirname, join } from 'node:path';
import type { CommandModule } from 'yargs';
import { renderCsv } from '../report/csv.js';
import { renderFigures, renderStudyFigures } from '../report/figures.js';
import { renderHtml } from '../report/html.js';
import { DEFAULT_SCALE, renderPng } from '../report/kit/png.js';
import { renderMarkdown } from '../report/markdown.js';
import { renderStudyHtml, renderStudyPages } from '../report/study.js';
import { renderStudyCsv, renderStudyMarkdown } from '../report/study-text.js';
import { parseAnyResult } from '../result/parse.js';
import type { Result, StudyResult } from '../result/result.js';
import { UsageError } from '../shared/errors.js';
import { checkWritable, readText, statIfThere, writeFileAtomic } from '../shared/files.js';
import { visible } from '../shared/visible.js';

interface ReportOptions {
  result: string;
  format: string[];
  out?: string;
  scale: number;
  stdout: boolean;
}

interface TextFormat {
  readonly name: string;
  run(result: Result): string | Promise<string>;
  study(study: StudyResult): string | Promise<string>;
}

/** How each text format is made, and what its file is called unless the user says otherwise. */
const TEXTS: Record<string, TextFormat> = {
  html: { name: 'report.html', run: renderHtml, study: (study) => renderStudyHtml(study, null) },
  markdown: { name: 'report.md', run: renderMarkdown, study: renderStudyMarkdown },
  csv: { name: 'cells.csv', run: renderCsv, study: renderStudyCsv },
};
/** Formats of single figures, and how the names of their files end. */
const FIGURES: Record<string, string> = { svg: 'svg', png: 'png', 'vega-lite': 'vl.json' };
const FORMATS = [...Object.keys(TEXTS), ...Object.keys(FIGURES)];
/** A figure of 900 units is then 9000 pixels wide, 76 cm in print at 300 dots an inch. */
const LARGEST_SCALE = 10;

interface OutputFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

const command: CommandModule<object, ReportOptions> = {
  command: 'report <result>',
  describe: 'Make a report again from result.json: HTML, Markdown, CSV, single figures',
  builder: (yargs) =>
    yargs
      .positional('result', {
        type: 'string',
        demandOption: true,
        describe: 'result.json, or the folder that bench left it in',
      })
      .option('format', {
        type: 'string',
        array: true,
        choices: FORMATS,
        default: ['html'],
        describe: 'What to make; svg, png, vega-lite: each figure as a file',
      })
      .option('out', { type: 'string', describe: "Folder to write into  [the result's own]" })
      .option('scale', {
        type: 'number',
        default: DEFAULT_SCALE,
        describe: `Pixels of a PNG per unit of its SVG, 0.5 to ${LARGEST_SCALE}`,
      })
      .option('stdout', { type: 'boolean', default: false, describe: 'Print it, in place of a file' })
      .example('$0 report homeveil-report --format markdown --stdout', 'the tables, for a paper or an issue'),
  handler: async ({ result: path, format, out, scale, stdout }) => {
    const formats = [...new Set(format)];
    if (stdout && (formats.length > 1 || FIGURES[formats[0]!])) {
      throw new UsageError(`--stdout: expected one format of text, found ${formats.join(' and ')}`);
    }
    if (!(scale >= 0.5 && scale <= LARGEST_SCALE)) {
      throw new UsageError(`--scale: expected a number from 0.5 to ${LARGEST_SCALE}, found ${scale}`);
    }
    const file = isFolder(path) ? join(path, 'result.json') : path;
    const result = parseAnyResult(readText(file), file);
    const folder = out ?? dirname(file);
    if (!stdout) checkWritable(join(folder, formats.map((one) => TEXTS[one]?.name).find(Boolean) ?? 'figure'));
    // All is made before anything is written.
    const files: OutputFile[] = [];
    for (const one of formats) files.push(...(await makeFiles(one, result, scale, stdout)));
    if (stdout) {
      const { content } = files[0]!;
      process.stdout.write(process.stdout.isTTY && typeof content === 'string' ? visible(content) : content);
      return;
    }
    for (const { name, content } of files) {
      writeFileAtomic(join(folder, name), content);
      console.log(join(folder, name));
    }
  },
};

export default command;

/** @param single whether there is room for one file only, as on stdout */
async function makeFiles(
  format: string,
  result: Result | StudyResult,
  scale: number,
  single: boolean,
): Promise<OutputFile[]> {
  const text = TEXTS[format];
  if (text) {
    if (!('runs' in result)) return [{ name: text.name, content: await text.run(result) }];
    if (format !== 'html' || single) return [{ name: text.name, content: await text.study(result) }];
    return (await renderStudyPages(result)).map((page) => ({ name: page.name, content: page.text }));
  }
  const figures = 'runs' in result ? await renderStudyFigures(result) : await renderFigures(result);
  const files: OutputFile[] = [];
  for (const { name, svg, spec } of figures) {
    const content =
      format === 'svg' ? svg : format === 'png' ? await renderPng(svg, scale) : `${JSON.stringify(spec, null, 2)}\n`;
    files.push({ name: `${name}.${FIGURES[format]}`, content });
  }
  return files;
}

function isFolder(path: string): boolean {
  return statIfThere(path)?.isDirectory() ?? false;
}
