import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createGunzip } from 'node:zlib';

/**
 * Bytes of a file or a stream, read in large chunks into one buffer, whose unread part is [at, end). Readers parse it in place and
 * move `at`; `need` refills. A gzip file is recognised by its magic number and unpacked on the way.
 */
export interface ByteSource {
  view: DataView;
  at: number;
  end: number;
  /** Offset in the (unpacked) file of the start of `view`. */
  base: number;
  /** Size of the file on disk in bytes; 0 for a stream. */
  readonly size: number;
  /** Why the bytes ended before the file did: a message of the system or of gzip; '' where they did not. */
  readonly fault: string;
  /** Makes at least `count` bytes available at `at`; false where the file ends before. May replace `view`. */
  need(count: number): Promise<boolean>;
  /** Moves `at` on by `count` bytes, however many; false where the file ends before. */
  skip(count: number): Promise<boolean>;
  close(): void;
}

/** Large enough to make system calls rare, small enough to stay in a core's cache. */
const CHUNK = 1 << 18;
/** Bytes given to gzip at a time: few, since they may grow a thousandfold. */
const PACKED_CHUNK = 1 << 15;

/**
 * Opens a file; `onRead` is told how many bytes of it have been read each time there are more.
 * @throws the system's error where the file cannot be opened.
 */
export async function openBytes(path: string, onRead: (bytes: number) => void = () => {}): Promise<ByteSource> {
  const file = openSync(path, 'r');
  let consumed = 0;
  let fault = '';
  const readFile = (into: Uint8Array): number => {
    try {
      const count = readSync(file, into, 0, into.length, null);
      consumed += count;
      onRead(consumed);
      return count;
    } catch (error) {
      fault = (error as Error).message;
      return 0;
    }
  };
  const head = new Uint8Array(2);
  const headLength = readFile(head);
  const packed = headLength === 2 && head[0] === 0x1f && head[1] === 0x8b;
  const setFault = (message: string): void => {
    fault = message;
  };
  const unpacker = packed ? createUnpacker(head, readFile, setFault) : null;
  const read = unpacker ? unpacker.read : (into: Uint8Array) => readFile(into);

  const rest = {
    size: fstatSync(file).size,
    fault: () => fault,
    close() {
      unpacker?.close();
      closeSync(file);
    },
  };
  return createSource(read, packed ? new Uint8Array() : head.subarray(0, headLength), rest);
}

/**
 * What comes in chunks, from a pipe for one. `onWait` is called each time all that has come is used up: readers have then told
 * their sink of every whole packet among it.
 */
export function streamBytes(chunks: AsyncIterable<Uint8Array>, onWait: () => void = () => {}): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk = new Uint8Array();
  let fault = '';
  const read = async (into: Uint8Array): Promise<number> => {
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
  };
  return createSource(read, chunk, { size: 0, fault: () => fault, close: () => void iterator.return?.() });
}

/** @param read fills (part of) what it is given; 0 bytes are the end */
function createSource(
  read: (into: Uint8Array) => number | Promise<number>,
  head: Uint8Array,
  { size, fault, close }: { size: number; fault: () => string; close: () => void },
): ByteSource {
  let buffer = new Uint8Array(CHUNK);
  buffer.set(head);
  const source: ByteSource = {
    view: new DataView(buffer.buffer),
    at: 0,
    end: head.length,
    base: 0,
    size,
    get fault() {
      return fault();
    },
    async need(count) {
      if (source.end - source.at >= count) return true;
      // What is unread goes to the front, of a larger buffer where `count` bytes would not fit into this one.
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

/**
 * Unpacks gzip chunk by chunk. A plain pipe would do, but on damaged data it throws away what it had unpacked before;
 * here that is handed over first.
 */
function createUnpacker(head: Uint8Array, readFile: (into: Uint8Array) => number, setFault: (message: string) => void) {
  const gunzip = createGunzip({ chunkSize: 1 << 17 });
  const packed = new Uint8Array(PACKED_CHUNK);
  const unpacked: Uint8Array[] = [];
  let ended = false;
  let written = false;
  gunzip.on('data', (chunk: Uint8Array) => unpacked.push(chunk));

  const pump = (): Promise<void> =>
    new Promise((resolve) => {
      const fail = (error: Error): void => {
        setFault(error.message);
        ended = true;
        resolve();
      };
      gunzip.removeAllListeners('error').once('error', fail);
      const count = written ? readFile(packed) : head.length;
      if (count > 0) {
        gunzip.write(written ? packed.subarray(0, count) : head, () => resolve());
        written = true;
      } else {
        gunzip.once('end', () => {
          ended = true;
          resolve();
        });
        gunzip.end();
      }
    });

  return {
    async read(into: Uint8Array): Promise<number> {
      while (unpacked.length === 0 && !ended) await pump();
      const chunk = unpacked.shift();
      if (!chunk) return 0;
      const count = Math.min(chunk.length, into.length);
      into.set(chunk.subarray(0, count));
      if (count < chunk.length) unpacked.unshift(chunk.subarray(count));
      return count;
    },
    close() {
      gunzip.removeAllListeners('error').on('error', () => {});
      gunzip.destroy();
    },
  };
}
