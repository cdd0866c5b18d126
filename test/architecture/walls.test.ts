import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { importsOfFiles, roomOf } from '../../scripts/imports.mjs';

/** The rooms of `src` in their order: a room imports itself and rooms before it. docs/architecture.md says what each is for. */
const ROOMS = [
  'shared',
  'trace',
  'shaping',
  'view',
  'home',
  'learning',
  'likeness',
  'conformance',
  'result',
  'harness',
  'report',
  'live',
  'noise',
  'watch',
  'lab',
  'cli',
] as const;

/** Rooms that a folder of plug-ins, or a face of the package, may import besides itself. */
const BESIDE: Record<string, readonly string[]> = {
  attacks: ['learning', 'shared', 'trace'],
  defenses: ['shaping', 'shared', 'trace'],
  views: ['shaping', 'view', 'shared', 'trace'],
  'src/plugin.ts': ['learning', 'shaping', 'view', 'shared', 'trace'],
};

/** Names of plug-ins that are words of their own: `none` is the baseline of every run, `noise` a command, `vpn` a view too. */
const ORDINARY = ['none', 'noise', 'vpn'];

const LONGEST = 400;

const root = fileURLToPath(new URL('../../', import.meta.url));
const imports = importsOfFiles(root);
const files = [...imports.keys()];

describe('the rooms', () => {
  test('are those that there are', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual([...ROOMS].sort());
  });

  test('stand in docs/architecture.md in their order', () => {
    const [, table] = readFileSync(join(root, 'docs/architecture.md'), 'utf8').split(/^## /m);
    expect([...table!.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name)).toEqual([...ROOMS]);
  });

  test('import no room that comes after them', () => {
    const arrows = [...imports].flatMap(([file, targets]) =>
      targets.filter((target) => !mayImport(roomOf(file), roomOf(target))).map((target) => `${file} -> ${target}`),
    );
    expect(arrows).toEqual([]);
  });

  test('have no file that imports itself by way of others', () => {
    expect(circlesOf(imports)).toEqual([]);
  });

  test('name no attack or defense of their own accord', () => {
    const names = ['attacks', 'defenses']
      .flatMap((folder) => readdirSync(join(root, folder)))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => name.replace('.ts', ''))
      .filter((name) => !ORDINARY.includes(name));
    const compared = new RegExp(
      `[=!]== '(?:${names.join('|')})'|'(?:${names.join('|')})' [=!]==|case '(?:${names.join('|')})'`,
    );
    const naming = files.filter(
      (file) => file.startsWith('src/') && compared.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(naming).toEqual([]);
  });

  test(`have no file of more than ${LONGEST} lines`, () => {
    const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > LONGEST + 1);
    expect(long).toEqual([]);
  });
});

describe('a circle', () => {
  test('is found, of two files and of three', () => {
    const graph = { a: ['b'], b: ['a', 'c'], c: ['d'], d: ['e'], e: ['c'], f: ['a'] };
    expect(circlesOf(new Map(Object.entries(graph)))).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    expect(circlesOf(new Map(Object.entries({ a: ['b', 'c'], b: ['c'], c: [] })))).toEqual([]);
  });
});

function mayImport(from: string, to: string): boolean {
  if (from === to || from === 'src/index.ts') return true;
  if (BESIDE[from]) return BESIDE[from].includes(to);
  const [own, other] = [ROOMS.indexOf(from as never), ROOMS.indexOf(to as never)];
  return own >= 0 && other >= 0 && other < own;
}

/** Sets of files that import each other, by Tarjan's algorithm (SIAM J. Comput. 1, 1972). */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return circles.sort();
}
