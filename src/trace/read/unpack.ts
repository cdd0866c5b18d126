import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import xz from 'xz-decompress';

/** Fills (part of) what it is given and returns how many bytes; 0 is the end. */
export type Read = (into: Uint8Array) => number | Promise<number>;

/** A compression that is undone on the way. */
export interface Packing {
  readonly name: string;
  /** The first bytes of such a file. */
  readonly magic: readonly number[];
  /**
   * Chunks of what was packed. Memory stays bounded whatever the headers declare; on damaged data, all that came before the damage
   * is handed over, and then an error thrown.
   */
  unpack(read: Read): AsyncGenerator<Uint8Array>;
}

const PACKINGS: readonly Packing[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: unpackGzip },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: unpackZstd },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], unpack: unpackXz },
];

/** Bytes that {@link packingOf} looks at. */
export const MAGIC_LENGTH = Math.max(...PACKINGS.map(({ magic }) => magic.length));

/** How a file that begins with `head` is packed; null where it is not, or in a way that is not read here. */
export function packingOf(head: Uint8Array): Packing | null {
  return PACKINGS.find(({ magic }) => magic.every((byte, i) => head[i] === byte)) ?? null;
}

/** Bytes given to an unpacker at a time: few, since gzip may make a thousand of one. */
const PACKED_CHUNK = 1 << 15;

async function* unpackGzip(read: Read): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 1 << 17 });
  const packed = new Uint8Array(PACKED_CHUNK);
  const unpacked: Uint8Array[] = [];
  gunzip.on('data', (chunk: Uint8Array) => unpacked.push(chunk));
  let damage: Error | null = null;
  /** A plain pipe would do, but on damaged data it throws away what it had unpacked before. */
  const pump = (count: number): Promise<void> =>
    new Promise((resolve) => {
      gunzip.removeAllListeners('error').once('error', (error) => {
        damage = error;
        resolve();
      });
      if (count > 0) gunzip.write(packed.subarray(0, count), () => resolve());
      else gunzip.once('end', resolve).end();
    });
  try {
    let count: number;
    do {
      count = await read(packed);
      await pump(count);
      yield* unpacked.splice(0);
      if (damage !== null) throw damage;
    } while (count > 0);
  } finally {
    gunzip.removeAllListeners('error').on('error', () => {});
    gunzip.destroy();
  }
}

/** As much as the zstd program agrees to keep in memory; `--long` beyond 27 asks for more. */
const MAX_ZSTD_WINDOW = 2 ** 27;
const ZSTD_MAGIC = 0xfd2fb528;

/**
 * The library takes a whole stream at once; here it gets one block at a time, since 4 bytes may stand for 128 kB, and a frame only
 * after its header was seen to ask for no more memory than allowed.
 * https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */
async function* unpackZstd(read: Read): AsyncGenerator<Uint8Array> {
  const take = exactly(read);
  for (let head = await take(4, true); head !== null; head = await take(4, true)) {
    const magic = head.readUInt32LE(0);
    if (magic >>> 4 === 0x184d2a5) {
      const length = (await take(4)).readUInt32LE(0);
      for (let left = length; left > 0; left -= Math.min(left, PACKED_CHUNK)) await take(Math.min(left, PACKED_CHUNK));
      continue;
    }
    if (magic !== ZSTD_MAGIC) throw new Error(`expected a zstd frame, found ${head.toString('hex')}`);
    const unpacked: Uint8Array[] = [];
    const decoder = new Decompress((chunk) => unpacked.push(chunk));
    const { bytes, hasChecksum } = await zstdHeader(take);
    decoder.push(Buffer.concat([head, bytes]));
    for (let isLast = false; !isLast; ) {
      const start = await take(3);
      const word = start.readUIntLE(0, 3);
      isLast = (word & 1) === 1;
      const isRun = ((word >> 1) & 3) === 1;
      const block = await take(isRun ? 1 : word >> 3);
      decoder.push(Buffer.concat([start, block]));
      yield* unpacked.splice(0);
    }
    decoder.push(hasChecksum ? await take(4) : new Uint8Array(), true);
    yield* unpacked.splice(0);
  }
}

/** Reads the part of a frame's header that follows the magic number. */
async function zstdHeader(take: Take): Promise<{ bytes: Buffer; hasChecksum: boolean }> {
  const descriptor = await take(1);
  const flags = descriptor[0]!;
  const isSingle = (flags & 0x20) !== 0;
  const sizeLength = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
  if ((flags & 3) !== 0) throw new Error('expected zstd without a dictionary, found one that needs its own');
  const rest = await take((isSingle ? 0 : 1) + sizeLength);
  const exponent = rest[0]! >> 3;
  const size = rest.subarray(rest.length - sizeLength);
  const window = isSingle
    ? Number(BigInt(`0x${Buffer.from(size).reverse().toString('hex')}`))
    : 2 ** (10 + exponent) * (1 + (rest[0]! & 7) / 8);
  if (window > MAX_ZSTD_WINDOW) {
    throw new Error(
      `expected a zstd window of at most ${MAX_ZSTD_WINDOW} bytes, found ${window}; unpack it first: zstd -d --long=31`,
    );
  }
  return { bytes: Buffer.concat([descriptor, rest]), hasChecksum: (flags & 4) !== 0 };
}

interface Take {
  (count: number): Promise<Buffer>;
  /** Null where the end comes first. */
  (count: number, mayEnd: true): Promise<Buffer | null>;
}

/** Reads exactly so many bytes. */
function exactly(read: Read): Take {
  return (async (count: number, mayEnd?: true) => {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; ) {
      const added = await read(bytes.subarray(at));
      if (added === 0 && at === 0 && mayEnd) return null;
      if (added === 0) throw new Error('unexpected end of file');
      at += added;
    }
    return bytes;
  }) as Take;
}

/** Codes of the xz decoder, by which its messages end. Dictionaries of more than 64 MiB, beyond `xz -9`, are refused by it. */
const XZ_FAULTS: Readonly<Record<string, string>> = {
  3: 'no memory for its dictionary',
  4: 'its dictionary is larger than 64 MiB; unpack it first: xz -d',
  6: 'it uses a filter or an integrity check that is not supported; unpack it first: xz -d',
  7: 'corrupt data',
  8: 'unexpected end of file',
};

async function* unpackXz(read: Read): AsyncGenerator<Uint8Array> {
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const bytes = new Uint8Array(PACKED_CHUNK);
      const count = await read(bytes);
      if (count === 0) controller.close();
      else controller.enqueue(bytes.subarray(0, count));
    },
  });
  try {
    for await (const chunk of new xz.XzReadableStream(input)) yield chunk;
  } catch (error) {
    const code = (error as Error).message.match(/error code (\d+)$/)?.[1];
    throw new Error(XZ_FAULTS[code ?? ''] ?? (error as Error).message, { cause: error });
  }
}
