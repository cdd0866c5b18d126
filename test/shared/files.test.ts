import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { InputError } from '../../src/shared/errors.js';
import {
  checkWritable,
  createAtomicFile,
  PRIVATE,
  recoverFolder,
  writeFileAtomic,
  writeFolderAtomic,
} from '../../src/shared/files.js';
import { needs } from '../support/needs.js';

const folder = () => mkdtempSync(join(tmpdir(), 'homeveil-files-'));
const built = fileURLToPath(new URL('../../dist/src/shared/files.js', import.meta.url));

/** A process that has begun to write, and is then killed: what it printed, after which it waited. */
async function killAfter(program: string): Promise<void> {
  const source = `import * as files from ${JSON.stringify(built)};
    import * as fs from 'node:fs';
    ${program};
    process.stdout.write('begun');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
}

test('a file appears only when it is whole', () => {
  const path = join(folder(), 'deep', 'er', 'x.bin');
  const file = createAtomicFile(path);
  file.write('half');
  expect(readdirSync(join(path, '..'))).not.toContain('x.bin');
  file.write(new Uint8Array([33]));
  expect(file.size).toBe(5);
  file.commit();
  expect(readdirSync(join(path, '..'))).toEqual(['x.bin']);
  expect(readFileSync(path, 'utf8')).toBe('half!');
});

test('what is given up leaves the old file as it was', () => {
  const path = join(folder(), 'x');
  writeFileSync(path, 'old');
  const file = createAtomicFile(path);
  file.write('new');
  file.discard();
  file.discard();
  expect(readdirSync(join(path, '..'))).toEqual(['x']);
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('a file that cannot be put in place says why, and leaves nothing', () => {
  const path = join(folder(), 'x');
  mkdirSync(path);
  writeFileSync(join(path, 'y'), '');
  // The folder appears while the file is being written. Closing the descriptor twice used to hide the reason (EBADF).
  expect(() => writeFileAtomic(path, 'new')).toThrow(/^.*x: cannot be written: (is a directory|illegal operation.*)$/i);
  expect(readdirSync(join(path, '..'))).toEqual(['x']);
});

test('a place that cannot be written is one clear line', () => {
  const path = join(folder(), 'x');
  writeFileSync(path, '');
  expect(() => writeFileAtomic(join(path, 'y'), '')).toThrow(InputError);
  expect(() => writeFileAtomic(join(path, 'y'), '')).toThrow(
    `y: cannot be written: ${path} is a file, expected a folder`,
  );
});

test('what is private is for its owner alone, whatever was there before', () => {
  const path = join(folder(), 'x');
  writeFileSync(path, 'old');
  chmodSync(path, 0o644);
  writeFileAtomic(path, 'new', PRIVATE);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const model = join(folder(), 'model');
  writeFolderAtomic(model, { a: '' });
  expect([statSync(model).mode & 0o777, statSync(join(model, 'a')).mode & 0o777]).toEqual([0o700, 0o600]);
});

test('a link under the name is replaced, not followed', () => {
  const parent = folder();
  const [path, victim] = [join(parent, 'x'), join(parent, 'victim')];
  writeFileSync(victim, 'precious');
  symlinkSync(victim, path);
  writeFileAtomic(path, 'new');
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(lstatSync(path).isFile()).toBe(true);
});

test('no name of a temporary file can be guessed', () => {
  const path = join(folder(), 'x');
  const files = Array.from({ length: 3 }, () => createAtomicFile(path));
  const names = readdirSync(join(path, '..'));
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/-[0-9a-f]{16}\.tmp$/);
  for (const file of files) file.discard();
});

test('a device is written, not replaced', () => {
  writeFileAtomic('/dev/null', 'x');
  checkWritable('/dev/null');
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  const write = `import { writeFileAtomic } from ${JSON.stringify(built)}; writeFileAtomic('/dev/stdout', 'said');`;
  const before = lstatSync('/dev/stdout').ino;
  const pipe = '"$0" --input-type=module -e "$1" | cat';
  expect(execFileSync('sh', ['-c', pipe, process.execPath, write], { encoding: 'utf8' })).toBe('said');
  expect(lstatSync('/dev/stdout').ino).toBe(before);
});

test('what a killed run left half-written, the next one removes; what a running one has, it does not', async () => {
  const path = join(folder(), 'x');
  await killAfter(`files.createAtomicFile(${JSON.stringify(path)}).write('half')`);
  expect(readdirSync(join(path, '..'))).toHaveLength(1);
  const running = createAtomicFile(join(path, '..', 'y'));
  expect(readdirSync(join(path, '..'))).toHaveLength(1);
  writeFileAtomic(path, 'whole');
  running.write('other');
  running.commit();
  expect(readdirSync(join(path, '..')).sort()).toEqual(['x', 'y']);
});

test('a file of another machine that shares the folder is left alone', () => {
  const parent = folder();
  const name = '.x.00000000-1-1-0123456789abcdef.tmp';
  writeFileSync(join(parent, name), '');
  writeFileAtomic(join(parent, 'x'), '');
  expect(readdirSync(parent)).toContain(name);
});

test('a folder appears when it is whole, in place of the old one', () => {
  const parent = folder();
  const path = join(parent, 'x');
  writeFolderAtomic(path, { a: 'old', b: 'old' });
  writeFolderAtomic(path, { a: 'new' });
  expect(readdirSync(path)).toEqual(['a']);
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('new');
  expect(() => writeFolderAtomic(path, { a: 'newer', 'no/such\0name': '' })).toThrow(InputError);
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('new');
  expect(readdirSync(parent)).toEqual(['x']);
});

test('a folder is there, whole, after a run was killed at any instant of replacing it', async () => {
  // The process is stopped after each of the two renamings, as if killed there.
  for (const renamings of [0, 1, 2]) {
    const path = join(folder(), 'x');
    writeFolderAtomic(path, { a: 'old', b: 'old' });
    const program = `const { syncBuiltinESMExports } = await import('node:module');
      const { default: real } = await import('node:fs');
      const { renameSync } = real;
      let left = ${renamings};
      real.renameSync = (from, to) => {
        const isFolder = real.statSync(from).isDirectory();
        if (isFolder && left-- === 0) { process.stdout.write('begun'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); }
        renameSync(from, to);
      };
      syncBuiltinESMExports();
      files.writeFolderAtomic(${JSON.stringify(path)}, { a: 'new' })`;
    await killAfter(program);
    recoverFolder(path);
    const expected = renamings === 2 ? { a: 'new' } : { a: 'old', b: 'old' };
    expect(Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'utf8')]))).toEqual(
      expected,
    );
    // The next write leaves nothing beside it.
    writeFolderAtomic(path, { a: 'newest' });
    expect([readdirSync(path), readdirSync(join(path, '..'))]).toEqual([['a'], ['x']]);
  }
});

test('a folder that another process is replacing is waited for', () => {
  const path = join(folder(), 'x');
  mkdirSync(path);
  // As this very process would name it, which runs.
  const { pid } = process;
  const start = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')[19];
  const file = createAtomicFile(path);
  const [name] = readdirSync(join(path, '..')).filter((one) => one.endsWith('.tmp'));
  file.discard();
  const aside = join(path, '..', name!.replace(/tmp$/, 'old'));
  expect(name).toContain(`-${pid}-${start}-`);
  renameSync(path, aside);
  const back = spawn('sh', ['-c', 'sleep 0.1; mv "$0" "$1"', aside, path]);
  recoverFolder(path);
  expect(existsSync(path)).toBe(true);
  back.kill();
});

const blockedByFile = (parent: string) => {
  writeFileSync(join(parent, 'x'), '');
  return join(parent, 'x', 'y', 'z');
};
const blockedByFolder = (parent: string) => {
  mkdirSync(join(parent, 'x'));
  return join(parent, 'x');
};

test.each<[string, (parent: string) => string, RegExp]>([
  ['a file in the way', blockedByFile, /x is a file, expected a folder/],
  ['a folder in the way', blockedByFolder, /expected a file, found a folder/],
  ['a place where nothing can be made', () => '/proc/x/y', /no such file or directory/],
])('%s is found before work begins', (_, make, reason) => {
  const parent = folder();
  const path = make(parent);
  const before = readdirSync(parent, { recursive: true });
  expect(() => checkWritable(path)).toThrow(InputError);
  expect(() => checkWritable(path)).toThrow(reason);
  expect(readdirSync(parent, { recursive: true })).toEqual(before);
});

test('a trial leaves no trace', () => {
  const parent = folder();
  checkWritable(join(parent, 'deep', 'er', 'x'));
  expect(readdirSync(parent)).toEqual([]);
});

const isRoot = process.getuid?.() === 0;
const mount = spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore' }).status === 0;
needs(isRoot && mount ? null : 'no mount namespaces').test(
  'a full or read-only disk is found before work begins',
  () => {
    const parent = folder();
    const check = `import { checkWritable } from ${JSON.stringify(built)};
    try { checkWritable('${parent}/out/x'); console.log('fine'); } catch (error) { console.log(error.message); }`;
    const run = (options: string) =>
      execFileSync('unshare', [
        '--mount',
        'sh',
        '-c',
        `mount -t tmpfs -o ${options} none ${parent} && exec "$0" --input-type=module -e "$1"`,
        process.execPath,
        check,
      ]).toString();
    expect(run('size=16k')).toBe(`${parent}/out/x: cannot be written: no space left on device\n`);
    expect(run('ro')).toBe(`${parent}/out/x: cannot be written: read-only file system\n`);
    expect(run('size=1m')).toBe('fine\n');
  },
);
