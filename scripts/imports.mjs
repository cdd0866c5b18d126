// Which source file imports which: for the picture of the rooms in docs/architecture.md, and for the test that holds their walls.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** Folders of plug-ins, each of which is a room of its own. */
export const PLUGIN_FOLDERS = ['attacks', 'defenses', 'views'];

/**
 * Lists the files of the package that each source file imports, as types too. Paths are relative to `root`, with slashes.
 * @param {string} root folder of the package
 * @returns {Map<string, string[]>}
 */
export function importsOfFiles(root) {
  const sources = ['src', ...PLUGIN_FOLDERS].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  return new Map(sources.map((file) => [slashed(file), importsOf(root, file)]));
}

/** @param {string} root @param {string} file */
function importsOf(root, file) {
  const text = readFileSync(join(root, file), 'utf8');
  const names = [...text.matchAll(/(?:\bfrom |\bimport |\bimport\()\s*'(\.[^']+)'/g)].map((match) => match[1]);
  return names.map((name) => slashed(relative(root, join(root, dirname(file), name)).replace(/\.js$/, '.ts')));
}

/** @param {string} path */
const slashed = (path) => path.split(sep).join('/');

/**
 * Names the room of a source file: its folder in `src`, or its folder of plug-ins. A file of `src` itself, such as src/index.ts, is in
 * none, and stands for itself.
 * @param {string} file as {@link importsOfFiles} names it
 * @returns {string}
 */
export function roomOf(file) {
  const [top, room] = file.split('/');
  if (top !== 'src') return top;
  return room.endsWith('.ts') ? file : room;
}
