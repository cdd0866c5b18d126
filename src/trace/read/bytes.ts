import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { MAGIC_LENGTH, packingOf, type Read } from './unpack.js';

/**
 * Bytes of a file or a stream, read in large chunks into one buffer, whose unread part is [at, end). Readers parse it in place and
 * move `at`; `need` refills. A gzip, zstd or xz file is recognised by its magic number and unpacked on the way.
 */
export interface ByteSource {
  view: DataView;
  at: number;
  end: number;
  /** Offset in the (unpacked) file of the start of `view`. */
  base: number;
  /** Size of the file on disk in bytes; 0 for a stream. */
  readonly size: number;
  /** Name of the compression that is undone on the way; '' where there is none. */
  readonly packing: string;
  /** Why the bytes ended before the file did: a message of the system or of the unpacker; '' where they did not. */
  readonly fault: string;
  /** Makes at least `count` bytes available at `at`; false where the file ends before. May replace `view`. */
  need(count: number): Promise<boolean>;
  /** Moves `at` on by `count` bytes, however many; false where the file ends before. */
  skip(count: number): Promise<boolean>;
  close(): void;
}

/** Large enough to make system calls rare, small enough to stay in a core's cache. */
const CHUNK = 1 << 18;

/** Milliseconds of reading without a pause. */
const MOST_BUSY = 50;

/** The path that stands for standard input. */
export const STDIN = '-';

/** Whether a path is standard input or a pipe: it can be read once, and nothing of it is known before. */
export function isStream(path: string): boolean {
  if (isStdin(path)) return true;
  try {
    return statSync(path).isFIFO();
  } catch {
    // Opening the file fails too, and says why.
    return false;
  }
}

function isStdin(path: string): boolean {
  return path === STDIN || path === '/dev/stdin' || path === '/dev/fd/0' || path === '/proc/self/fd/0';
}

export interface OpenOptions {
  /** Told how many bytes of the file have been read, each time there are more. */
  readonly onRead?: (bytes: number) => void;
  /** Called each time more has been unpacked; what it throws ends the reading. */
  readonly onUnpacked?: () => void;
}

/**
 * Opens a file, a pipe, or for `-` standard input.
 * @throws the system's error where it cannot be opened.
 */
export async function openBytes(path: string, options: OpenOptions = {}): Promise<ByteSource> {
  const { onRead = () => {}, onUnpacked = () => {} } = options;
  const opened = isStream(path) ? openStream(path) : openFile(path);
  let consumed = 0;
  const count = (added: number): number => {
    consumed += added;
    if (added > 0) onRead(consumed);
    return added;
  };
  const raw = createSource((into) => {
    const added = opened.read(into);
    return typeof added === 'number' ? count(added) : added.then(count);
  }, opened);
  await raw.need(MAGIC_LENGTH);
  const packing = packingOf(new Uint8Array(raw.view.buffer, 0, raw.end));
  if (!packing) return raw;
  const packed: Read = async (into) => {
    if (raw.at === raw.end && !(await raw.need(1))) return 0;
    const added = Math.min(into.length, raw.end - raw.at);
    into.set(new Uint8Array(raw.view.buffer, raw.at, added));
    raw.at += added;
    return added;
  };
  const unpacked = chunkReader(packing.unpack(packed));
  const read: Read = (into) => {
    onUnpacked();
    return unpacked.read(into);
  };
  return createSource(read, {
    size: raw.size,
    packing: packing.name,
    // The system's error comes first: the unpacker only sees an early end.
    fault: () => raw.fault || unpacked.fault(),
    close() {
      unpacked.close();
      raw.close();
    },
  });
}

/** The origin of a source's bytes. */
interface Origin {
  readonly size: number;
  readonly packing?: string;
  fault(): string;
  close(): void;
}

function openFile(path: string): Origin & { read: Read } {
  const file = openSync(path, 'r');
  if (fstatSync(file).isFile()) return fileReader(file);
  closeSync(file);
  throw new Error('expected a file or a pipe, found another kind of thing');
}

function fileReader(file: number): Origin & { read: Read } {
  let fault = '';
  return {
    size: fstatSync(file).size,
    read(into) {
      try {
        return readSync(file, into, 0, into.length, null);
      } catch (error) {
        fault = (error as Error).message;
        return 0;
      }
    },
    fault: () => fault,
    close: () => closeSync(file),
  };
}

function openStream(path: string): Origin & { read: Read } {
  // Opened without waiting for a writer: a process that is blocked in the system cannot be interrupted.
  if (!isStdin(path)) return pipeReader(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  // By its descriptor: in a worker thread, `process.stdin` is another stream.
  if (isatty(0)) throw new Error('expected a capture on standard input, found a terminal');
  const stat = fstatSync(0);
  return stat.isFIFO() || stat.isSocket() ? pipeReader(0) : { ...fileReader(0), close: () => {} };
}

function pipeReader(descriptor: number): Origin & { read: Read } {
  return { size: 0, ...chunkReader(new Socket({ fd: descriptor, writable: false })) };
}

/**
 * Reads bytes that come in chunks, from a pipe for example. `onWait` is called whenever all bytes so far are used up: readers have
 * then told their sink of every whole packet among them.
 */
export function streamBytes(chunks: AsyncIterable<Uint8Array>, onWait: () => void = () => {}): ByteSource {
  const { read, ...rest } = chunkReader(chunks, onWait);
  return createSource(read, { size: 0, ...rest });
}

/** Reads from chunks; what they throw is the fault, and the end. */
function chunkReader(chunks: AsyncIterable<Uint8Array>, onWait: () => void = () => {}) {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk = new Uint8Array();
  let fault = '';
  return {
    async read(into: Uint8Array): Promise<number> {
      while (chunk.length === 0) {
        onWait();
        try {
          const next = await iterator.next();
          if (next.done) return 0;
          chunk = next.value as Uint8Array<ArrayBuffer>;
        } catch (error) {
          fault = (error as Error).message;
          return 0;
        }
      }
      const some = chunk.subarray(0, into.length);
      into.set(some);
      chunk = chunk.subarray(some.length);
      return some.length;
    },
    fault: () => fault,
    close: () => void iterator.return?.(),
  };
}

/** @param read fills (part of) what it is given; 0 bytes are the end */
function createSource(read: Read, { size, packing = '', fault, close }: Origin): ByteSource {
  let buffer = new Uint8Array(CHUNK);
  let breathed = performance.now();
  const source: ByteSource = {
    view: new DataView(buffer.buffer),
    at: 0,
    end: 0,
    base: 0,
    size,
    packing,
    get fault() {
      return fault();
    },
    async need(count) {
      if (source.end - source.at >= count) return true;
      // Unread bytes go to the front, of a larger buffer if `count` bytes would not fit into this one.
      const unread = buffer.subarray(source.at, source.end);
      if (count > buffer.length) {
        buffer = new Uint8Array(2 ** Math.ceil(Math.log2(count)));
        source.view = new DataView(buffer.buffer);
      }
      buffer.set(unread);
      source.base += source.at;
      source.at = 0;
      source.end = unread.length;
      while (source.end < count) {
        const added = await read(buffer.subarray(source.end));
        if (added === 0) return false;
        source.end += added;
      }
      // A file answers at once: without a pause, signals and timers of the process would wait for its end.
      if (performance.now() - breathed > MOST_BUSY) {
        await new Promise(setImmediate);
        breathed = performance.now();
      }
      return true;
    },
    async skip(count) {
      while (count > source.end - source.at) {
        count -= source.end - source.at;
        source.at = source.end;
        if (!(await source.need(1))) return false;
      }
      source.at += count;
      return true;
    },
    close,
  };
  return source;
}
