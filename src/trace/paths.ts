import { closeSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../shared/errors.js';
import { CAPTURE_NAME } from './capture-name.js';
import { isPcap } from './pcap.js';
import { isPcapng } from './pcapng.js';

/**
 * The files to read: a path to a file stands for itself; one to a folder, for the captures in it and below, known by name
 * or magic number, in natural order (`file2` before `file10`).
 * @throws InputError where a path does not exist or cannot be reached, or a folder holds no capture.
 */
export function expandPaths(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const stat = statOf(path);
    if (!stat) throw new InputError(`${path}: no such file or folder`);
    if (!stat.isDirectory()) return [path];
    const files = capturesBelow(path);
    if (files.length === 0) {
      throw new InputError(`${path}: expected captures in this folder (.pcap, .pcapng, .cap, also .gz), found none`);
    }
    return files;
  });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    // A folder on the way that may not be searched.
    throw new InputError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function capturesBelow(folder: string): string[] {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => compare(a.name, b.name));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return capturesBelow(path);
    const isFile = entry.isFile() || (entry.isSymbolicLink() && isFileBehind(path));
    return isFile && (CAPTURE_NAME.test(entry.name) || beginsAsCapture(path)) ? [path] : [];
  });
}

function isFileBehind(link: string): boolean {
  return statSync(link, { throwIfNoEntry: false })?.isFile() ?? false;
}

function beginsAsCapture(path: string): boolean {
  const head = new DataView(new ArrayBuffer(4));
  try {
    const file = openSync(path, 'r');
    try {
      if (readSync(file, head) < 4) return false;
    } finally {
      closeSync(file);
    }
  } catch {
    // Whoever names this file will be told; in a folder it is one of the others.
    return false;
  }
  const magic = head.getUint32(0);
  return isPcap(magic) || isPcapng(magic);
}
