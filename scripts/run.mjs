#!/usr/bin/env node
// Brings a fresh clone to a working state (install, build), then runs one task.
// Plain Node, no dependencies: it must run before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [task, ...rest] = process.argv.slice(2);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`homeveil needs Node 20.19 or newer, this is ${process.versions.node}`);
  process.exit(1);
}

function run(command, args, environment = {}) {
  // npm and npx are .cmd scripts on Windows, which only a shell can start.
  const shell = process.platform === 'win32' && command === 'npm';
  const env = { ...process.env, ...environment };
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell, env });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

/** Installs when nothing is installed, or the lock file is newer than what is. */
function install() {
  const lock = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log('Installing what Homeveil needs: once, about half a minute.');
  // onnxruntime-node contains what we use; its install script would also fetch CUDA libraries, and fail offline. npm from 11.16 on
  // does not run the script (allowScripts in package.json); older ones run it, and it obeys this variable.
  run('npm', ['ci', '--no-audit', '--no-fund'], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
}

const bin = (name, path) => join(root, 'node_modules', name, path);

/** Builds from scratch, so that a file that was removed or renamed leaves nothing behind in dist. */
function build() {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [bin('typescript', 'bin/tsc'), '-p', join(root, 'tsconfig.json')]);
}

const tasks = {
  build() {
    install();
    build();
  },
  start() {
    tasks.build();
    const bench = [
      'bench',
      '--quick',
      '--attack',
      'strongest',
      // Beside it stands an attack on single packets, which shows how much more the others see.
      'random-forest',
      '--out',
      join('reports', 'latest'),
    ];
    console.log(
      'The strongest attacks against three defenses on a synthetic home: about a minute and a half on two cores.',
    );
    run(process.execPath, [join(root, 'dist/src/cli/main.js'), ...bench, ...rest]);
  },
  test() {
    tasks.build();
    run(process.execPath, [bin('typescript', 'bin/tsc'), '-p', join(root, 'tsconfig.test.json')]);
    run(process.execPath, [bin('@biomejs/biome', 'bin/biome'), 'check', '--error-on-warnings', '.']);
    run(process.execPath, [bin('knip', 'bin/knip.js')]);
    run(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', ...rest]);
  },
  coverage() {
    tasks.build();
    run(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', '--coverage', ...rest]);
  },
};

if (!Object.hasOwn(tasks, task)) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')}`);
  process.exit(2);
}
tasks[task]();
