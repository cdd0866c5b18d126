/** Helpers of benchmarks that pass arrays to Python. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ends the process, saying why, where `python` cannot import all of `modules`. */
export function requireModules(python: string, modules: readonly string[]): void {
  const { error, status, stderr } = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { encoding: 'utf8' });
  if (error === undefined && status === 0) return;
  console.error(`${python}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  process.exit(1);
}

/** A temporary folder that is removed when the process ends, also by a signal. */
export function makeFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  return folder;
}

type Numbers = Float32Array | Int32Array | Uint8Array;

/** NumPy's own format, version 1.0: magic, length of the header, the header as a Python literal, the values row-major. */
export function writeNpy(path: string, data: Numbers, dims: readonly number[]): void {
  const type = data instanceof Float32Array ? '<f4' : data instanceof Int32Array ? '<i4' : '|u1';
  const literal = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`;
  // Magic and header together are a multiple of 64 bytes, and end with a line feed.
  const length = Math.ceil((10 + literal.length + 1) / 64) * 64 - 10;
  const head = Buffer.from(`\x93NUMPY\x01\x00..${`${literal.padEnd(length - 1)}\n`}`, 'latin1');
  head.writeUInt16LE(length, 8);
  writeFileSync(path, Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}
