import { closeSync, fchmodSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { dirname, parse } from 'node:path';
import { InputError, reasonOf } from '../../shared/errors.js';
import { giveToCaller, makeFolder, PRIVATE, writeAll } from '../../shared/files.js';
import type { Link } from '../../trace/read/links.js';

export interface FilesOptions {
  /** Of the capture; where there are several, their names have a time and a number before the extension. */
  readonly path: string;
  /** Begin another file when this one has so many bytes, or its packets span so many seconds. */
  readonly rotate?: { readonly bytes: number } | { readonly seconds: number };
  /** Remove the oldest files of this capture when there are more. */
  readonly keep?: number;
}

export interface WrittenFile {
  readonly path: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Classic captures, microseconds, written as packets come: at any time each file holds whole packets only. */
export interface CaptureFiles {
  /** Of all packets; said before the first of them. */
  link(link: Link, checkSequence: number): void;
  /** A packet of which the first `captured` bytes, from `at` of `view`, are to be kept. */
  packet(view: DataView, at: number, captured: number, original: number, time: number): void;
  /** Hands what was given so far to the system. */
  flush(): void;
  /** Ends the last file. @returns the files there are */
  close(): WrittenFile[];
}

/** Written at a time when packets come fast. */
const CHUNK = 1 << 18;
const SNAPLEN = 262_144;

/** @throws InputError, now or later, where a file cannot be written; what was written before is whole */
export function createCaptureFiles({ path, rotate, keep = Number.POSITIVE_INFINITY }: FilesOptions): CaptureFiles {
  const files: { path: string; packets: number; bytes: number }[] = [];
  const header = Buffer.alloc(24);
  const chunk = Buffer.alloc(CHUNK + SNAPLEN);
  let filled = 0;
  let descriptor = -1;
  let began = Number.NaN;
  let count = 0;
  let hasHeader = false;

  const fail = (cause: unknown): never => {
    throw new InputError(`${files.at(-1)?.path ?? path}: cannot be written: ${reasonOf(cause)}`, { cause });
  };
  const write = (bytes: Uint8Array): void => {
    const file = files.at(-1)!;
    try {
      writeAll(descriptor, bytes);
      file.bytes += bytes.length;
    } catch (cause) {
      // A full disk takes part of a packet.
      ftruncateSync(descriptor, file.bytes);
      fail(cause);
    }
  };
  const flush = (): void => {
    const bytes = chunk.subarray(0, filled);
    filled = 0;
    if (bytes.length > 0) write(bytes);
  };
  const open = (time: number): void => {
    const file = { path: rotate === undefined ? path : nameOf(path, time, ++count), packets: 0, bytes: 0 };
    files.push(file);
    try {
      makeFolder(dirname(path));
      descriptor = openSync(file.path, 'w', PRIVATE);
      // An earlier file of that name keeps the rights that it had.
      fchmodSync(descriptor, PRIVATE);
      giveToCaller(descriptor);
    } catch (cause) {
      fail(cause);
    }
    began = Number.NaN;
    while (files.length > keep) rmSync(files.shift()!.path, { force: true });
  };
  const isFull = (record: number, time: number): boolean => {
    const file = files.at(-1)!;
    if (rotate === undefined || file.packets === 0) return false;
    return 'bytes' in rotate ? file.bytes + filled + record > rotate.bytes : time - began >= rotate.seconds;
  };

  // Now, so that a place that cannot be written is known before anything is captured.
  open(Date.now() / 1000);
  return {
    link({ type }, checkSequence) {
      header.writeUInt32LE(0xa1b2c3d4, 0);
      header.writeUInt16LE(2, 4);
      header.writeUInt16LE(4, 6);
      header.writeUInt32LE(SNAPLEN, 16);
      // The length of a frame check sequence, in units of 16 bits, stands in the upper bits.
      const upper = checkSequence === 0 ? 0 : 0x0400_0000 + (checkSequence / 2) * 2 ** 28;
      header.writeUInt32LE(upper + type, 20);
      if (!hasHeader) write(header);
      hasHeader = true;
    },
    packet(view, at, captured, original, time) {
      if (isFull(16 + captured, time)) {
        flush();
        closeSync(descriptor);
        open(time);
        write(header);
      }
      if (Number.isNaN(began)) began = time;
      const micros = Math.round((time % 1) * 1e6);
      chunk.writeUInt32LE(Math.floor(time) + (micros === 1e6 ? 1 : 0), filled);
      chunk.writeUInt32LE(micros % 1e6, filled + 4);
      chunk.writeUInt32LE(captured, filled + 8);
      chunk.writeUInt32LE(original, filled + 12);
      chunk.set(new Uint8Array(view.buffer, view.byteOffset + at, captured), filled + 16);
      filled += 16 + captured;
      files.at(-1)!.packets++;
      if (filled >= CHUNK) flush();
    },
    flush,
    close() {
      flush();
      closeSync(descriptor);
      return files;
    },
  };
}

/** home.pcap of the evening becomes home-20261122T213000Z-0001.pcap: in the order of names, and never a name that was there. */
function nameOf(path: string, time: number, number: number): string {
  const { dir, name, ext } = parse(path);
  const stamp = new Date(time * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${dir === '' ? '' : `${dir}/`}${name}-${stamp}-${String(number).padStart(4, '0')}${ext}`;
}
