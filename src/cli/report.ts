import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Result, StudyResult } from '../harness/result.js';
import { renderCsv } from '../report/csv.js';
import { renderFigures } from '../report/figures.js';
import { renderHtml } from '../report/html.js';
import { renderMarkdown } from '../report/markdown.js';
import { parseAnyResult } from '../report/parse.js';
import { renderStudyCsv, renderStudyHtml, renderStudyMarkdown } from '../report/study.js';
import { UsageError } from '../shared/errors.js';
import { readText, writeFileAtomic } from '../shared/files.js';

interface ReportOptions {
  result: string;
  format: string[];
  out?: string;
  stdout: boolean;
}

interface TextFormat {
  readonly name: string;
  run(result: Result): string | Promise<string>;
  study(study: StudyResult): string;
}

/** How each text format is made, and what its file is called unless the user says otherwise. */
const TEXTS: Record<string, TextFormat> = {
  html: { name: 'report.html', run: renderHtml, study: (study) => renderStudyHtml(study, null) },
  markdown: { name: 'report.md', run: renderMarkdown, study: renderStudyMarkdown },
  csv: { name: 'cells.csv', run: renderCsv, study: renderStudyCsv },
};
const FORMATS = [...Object.keys(TEXTS), 'svg'];

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
        describe: 'What to make; svg: each figure as a file',
      })
      .option('out', { type: 'string', describe: "Folder to write into  [the result's own]" })
      .option('stdout', { type: 'boolean', default: false, describe: 'Print it, in place of a file' })
      .example('$0 report homeveil-report --format markdown --stdout', 'the tables, for a paper or an issue'),
  handler: async ({ result: path, format, out, stdout }) => {
    const formats = [...new Set(format)];
    if (stdout && (formats.length > 1 || formats[0] === 'svg')) {
      throw new UsageError(`--stdout: expected one format of text, found ${formats.join(' and ')}`);
    }
    const file = isFolder(path) ? join(path, 'result.json') : path;
    const result = parseAnyResult(readText(file), file);
    const folder = out ?? dirname(file);
    // All is made before anything is written.
    const files: { readonly name: string; readonly text: string }[] = [];
    for (const one of formats) {
      const text = TEXTS[one];
      if (text) files.push({ name: text.name, text: 'runs' in result ? text.study(result) : await text.run(result) });
      else if ('runs' in result) throw new UsageError('--format svg: expected the result of one run, found a study');
      else files.push(...(await renderFigures(result)).map(({ name, svg }) => ({ name: `${name}.svg`, text: svg })));
    }
    if (stdout) {
      process.stdout.write(files[0]!.text);
      return;
    }
    for (const { name, text } of files) {
      writeFileAtomic(join(folder, name), text);
      console.log(join(folder, name));
    }
  },
};

export default command;

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
