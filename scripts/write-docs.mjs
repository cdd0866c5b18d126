#!/usr/bin/env node
// Writes the parts of docs/ that follow from something else: the picture of the rooms from the imports, tables from committed results.
//   npm run build && node scripts/write-docs.mjs            writes them
//   npm run build && node scripts/write-docs.mjs --check    names the pages that are out of date, and exits with 1
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importsOfFiles, roomOf } from './imports.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Lists the rooms that each room imports from. Entry files (src/index.ts, src/plugin.ts) belong to no room. */
function importsOfRooms() {
  const arrows = new Map();
  for (const [file, imported] of importsOfFiles(root)) {
    const from = roomOf(file);
    if (from === file) continue;
    const targets = arrows.get(from) ?? new Set();
    for (const to of imported.map(roomOf)) if (to !== from && !to.endsWith('.ts')) targets.add(to);
    arrows.set(from, targets);
  }
  return arrows;
}

/** Tells whether `to` can be reached from `from` through at least one other room. */
function isImplied(arrows, from, to) {
  const seen = new Set();
  const waiting = [...arrows.get(from)].filter((room) => room !== to);
  while (waiting.length > 0) {
    const room = waiting.pop();
    if (room === to) return true;
    if (seen.has(room) || room === from) continue;
    seen.add(room);
    waiting.push(...(arrows.get(room) ?? []));
  }
  return false;
}

/** Draws an arrow from each room to those it imports, less the arrows that others imply. */
function picture() {
  const arrows = importsOfRooms();
  const lines = [...arrows.keys()].sort().flatMap((from) =>
    [...arrows.get(from)]
      .sort()
      .filter((to) => !isImplied(arrows, from, to))
      .map((to) => `  ${from} --> ${to}`),
  );
  return ['```mermaid', 'flowchart TB', ...lines, '```'].join('\n');
}

/** The tables over all settings of a committed study, by the Markdown writer of `homeveil report`. */
async function overview(report) {
  const { renderStudyMarkdown } = await import('../dist/src/report/study-text.js');
  const { parseAnyResult } = await import('../dist/src/result/parse.js');
  const result = parseAnyResult(readFileSync(join(root, 'reports', report, 'result.json'), 'utf8'), report);
  // The report has the warnings; the page is about the tables.
  const runs = result.runs.map((run) => ({ ...run, warnings: [] }));
  const [head] = renderStudyMarkdown({ ...result, runs, warnings: [] }).split('\n\n## ');
  return head.replace(/^# .*\n\n/, '');
}

const blocks = [
  ['docs/architecture.md', picture],
  ['docs/results/two-homes.md', () => overview('two-homes')],
  ['docs/results/synthetic-home.md', () => overview('synthetic-home')],
];

const check = process.argv.includes('--check');
for (const [page, make] of blocks) {
  const before = readFileSync(join(root, page), 'utf8');
  const text = await make();
  const after = before.replace(
    /(<!-- written by .*? -->\n\n).*?(\n\n<!-- end -->)/s,
    (_, head, end) => head + text + end,
  );
  if (after === before) continue;
  if (check) {
    console.error(`${page} is out of date: run node scripts/write-docs.mjs`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, page), after);
    console.log(page);
  }
}
