import { closeSync, fchmodSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { dirname, parse } from 'node:path';
import { InputError, reasonOf } from '../../shared/errors.js';
import { giveToCaller, makeFolder, PRIVATE, writeAll } from '../../shared/files.js';
import type { Link } from '../../trace/read/links.js';

export interface FilesOptions {
  /** Path of the file. With `rotate`, a time and a number are inserted before the extension. */
  readonly path: string;
  /** Size in bytes, or span of packet times in seconds, at which another file begins. */
  readonly rotate?: { readonly bytes: number } | { readonly seconds: number };
  /** Number of files to keep; the oldest files of this capture beyond that are removed. */
  readonly keep?: number;
}

export interface WrittenFile {
  readonly path: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Classic captures with microseconds, written as packets arrive. At any time each file holds only whole packets. */
export interface CaptureFiles {
  /** Sets the link type of all packets, before the first packet. */
  link(link: Link, checkSequence: number): void;
  /** Writes a packet: its `captured` bytes at `at` of `view`, its original length, and its time in seconds since the Unix epoch. */
  packet(view: DataView, at: number, captured: number, original: number, time: number): void;
  /** Hands all packets so far to the system. */
  flush(): void;
  /** Closes the last file. @returns the files that remain */
  close(): WrittenFile[];
}

/** Bytes written at a time while packets arrive fast. */
const CHUNK = 1 << 18;
const SNAPLEN = 262_144;

/** Creates the first file. @throws InputError, now or later, where a file cannot be written; packets written before are whole */
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
      // A full disk may have taken part of a packet.
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
      // An existing file of that name would keep its mode.
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

  // The first file is opened now, so that an unwritable path is known before the capture begins.
  open(Date.now() / 1000);
  return {
    link({ type }, checkSequence) {
      header.writeUInt32LE(0xa1b2c3d4, 0);
      header.writeUInt16LE(2, 4);
      header.writeUInt16LE(4, 6);
      header.writeUInt32LE(SNAPLEN, 16);
      // The upper bits hold the length of the frame check sequence, in units of 16 bits.
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

/** Inserts time and number into a path: home.pcap becomes home-20261122T213000Z-0001.pcap. Names sort by age and do not repeat. */
function nameOf(path: string, time: number, number: number): string {
  const { dir, name, ext } = parse(path);
  const stamp = new Date(time * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${dir === '' ? '' : `${dir}/`}${name}-${stamp}-${String(number).padStart(4, '0')}${ext}`;
}
