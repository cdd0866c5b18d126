import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PLUGIN_FOLDERS } from '../../scripts/imports.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true }).map((name) => join('docs', String(name))),
  'examples/README.md',
  'reports/README.md',
].filter((name) => name.endsWith('.md'));

const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** Lists the anchors of a page's headings, as GitHub makes them. */
function anchorsIn(page: string): string[] {
  const text = read(page).replace(/^```.*?^```/gms, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(pages)('%s: every link leads somewhere', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  for (const link of links.filter((one) => !/^[a-z]+:/.test(one))) {
    const [path, anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path!);
    expect(existsSync(join(root, target)), `${page}: ${link}`).toBe(true);
    if (anchor !== undefined) expect(anchorsIn(target), `${page}: ${link}`).toContain(anchor);
  }
});

test('README has at most 700 words', () => {
  expect(read('README.md').split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(700);
});

test('the page of the architecture names every room and every folder of plug-ins', () => {
  const named = [...read('docs/architecture.md').matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name!);
  const rooms = readdirSync(join(root, 'src')).filter((name) => statSync(join(root, 'src', name)).isDirectory());
  expect(named.sort()).toEqual([...rooms, ...PLUGIN_FOLDERS].sort());
});

test('tables from committed results, and the picture of the rooms, are what they come from', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/write-docs.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('the index of results names every page of them', () => {
  const index = read('docs/results/README.md');
  for (const name of readdirSync(join(root, 'docs/results'))) {
    if (name !== 'README.md') expect(index).toContain(`(${name})`);
  }
});
