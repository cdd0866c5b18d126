import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/run-cli.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const metadata = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

interface Module {
  readonly types: string;
  readonly default: string;
}

/** The modules that the package exports by a name of their own. */
const modules = new Map(
  Object.entries<Module | string>(metadata.exports).filter(
    (entry): entry is [string, Module] => typeof entry[1] !== 'string' && !entry[0].includes('*'),
  ),
);

/** Lists what npm would publish of the build that is there. */
function packedFiles(): string[] {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  return JSON.parse(text)[0].files.map(({ path }: { path: string }) => path);
}

test('the package has what users need, and nothing that only developers need', () => {
  const files = packedFiles();
  for (const path of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'CITATION.cff',
    'SECURITY.md',
    'specs/quick.yaml',
    'examples/defense.js',
    'templates/my-defense.ts',
    'docs/method.md',
    metadata.bin.homeveil,
    'dist/src/index.js',
    'dist/src/index.d.ts',
  ]) {
    expect(files).toContain(path);
  }
  expect(files.filter((path) => /^dist\/(test|benchmarks)\/|^(src|test|reports)\/|\.map$/.test(path))).toEqual([]);
});

test('the citation has the version of the package', () => {
  expect(readFileSync(join(root, 'CITATION.cff'), 'utf8')).toContain(`\nversion: ${metadata.version}\n`);
});

test('each export of the package is there', () => {
  for (const { types, default: code } of modules.values()) {
    expect(existsSync(join(root, types)), types).toBe(true);
    expect(existsSync(join(root, code)), code).toBe(true);
  }
});

test('a strict project without Node types of its own can use the declarations', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'homeveil'));
  const compilerOptions = {
    strict: true,
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: [],
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const lines = [...modules.keys()].map((name, i) => `export * as module${i} from '${join('homeveil', name)}';`);
  writeFileSync(join(folder, 'use.ts'), `${lines.join('\n')}\n`);
  // TypeScript follows the link, so only files of other packages have node_modules in their paths.
  expect(typeErrors(folder).filter((line) => !line.includes('node_modules/'))).toEqual([]);
  expect(Object.keys(metadata.dependencies)).toContain('@types/node');
});

function typeErrors(folder: string): string[] {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.split('\n').filter((line) => line.includes('error TS'));
  }
}
