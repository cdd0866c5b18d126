import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { Refused } from './addresses.js';
import type { RequestKind } from './identity.js';
import { type Page, type PageReader, readPage } from './page.js';

export interface Body {
  /** Bytes as they came, before decompression. */
  readonly bytes: number;
  /** Why it is incomplete; null where it is whole. */
  readonly problem: string | null;
  /** Links and resources of an HTML document; null for anything else. */
  readonly page: Page | null;
  /** The text of robots.txt; empty for anything else. */
  readonly text: string;
}

/** Decompressed bytes of a document that are searched for links. A gzip bomb ends here. */
const DOCUMENT_BYTES = 4e6;
/** Decompressed bytes of robots.txt that are kept. */
const TEXT_BYTES = 512_000;
const HIGHEST_RETRY = 86_400;

/** Reads a body up to `most` bytes before decompression, and never throws. Only documents and robots.txt are decompressed. */
export async function readBody(
  { headers, statusCode, body }: Dispatcher.ResponseData,
  url: URL,
  kind: RequestKind,
  most: number,
): Promise<Body> {
  const type = String(headers['content-type'] ?? '');
  const encoding = String(headers['content-encoding'] ?? '')
    .toLowerCase()
    .trim();
  const isOk = statusCode >= 200 && statusCode < 300;
  const isPage = isOk && (kind === 'document' || kind === 'iframe') && mayBeHtml(type);
  const reader = isPage ? readPage(url.href, type) : null;
  const texts: Buffer[] = [];
  const sink = reader
    ? decode(encoding, reader, DOCUMENT_BYTES)
    : // robots.txt is text whatever type the server gives it.
      isOk && kind === 'robots'
      ? decode(encoding, keepIn(texts), TEXT_BYTES)
      : null;
  let bytes = 0;
  let problem: string | null = null;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await sink?.write(chunk);
      if (bytes >= most) {
        problem = 'cut: longest response';
        break;
      }
    }
  } catch (error) {
    problem = describeFailure(error);
  }
  await sink?.end();
  return { bytes, problem, page: reader?.end() ?? null, text: Buffer.concat(texts).toString() };
}

/** Receiver of decoded bytes. */
type Consumer = Pick<PageReader, 'write' | 'isFull'>;

function keepIn(texts: Buffer[]): Consumer {
  return { write: (chunk) => void texts.push(Buffer.from(chunk)), isFull: false };
}

/**
 * Decodes bytes and passes them on until `most` decoded bytes have passed or the consumer is full. Drops the rest, and whatever
 * cannot be decoded.
 */
function decode(encoding: string, to: Consumer, most: number) {
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : null;
  let decoded = 0;
  let isOver = false;
  const take = (chunk: Buffer) => {
    if (isOver) return;
    decoded += chunk.length;
    to.write(chunk);
    if (decoded >= most || to.isFull) {
      isOver = true;
      decoder?.destroy();
    }
  };
  if (!decoder) {
    const isPlain = encoding === '' || encoding === 'identity';
    return { write: async (chunk: Buffer) => (isPlain ? take(chunk) : undefined), end: async () => {} };
  }
  decoder.on('data', take);
  decoder.on('error', () => {
    isOver = true;
  });
  const closed = new Promise<void>((resolve) => decoder.once('close', resolve));
  return {
    /** Waits until the decoder has taken the chunk, so that chunks do not pile up before it. */
    write(chunk: Buffer): Promise<void> {
      if (isOver) return Promise.resolve();
      return Promise.race([new Promise<void>((resolve) => decoder.write(chunk, () => resolve())), closed]);
    },
    async end(): Promise<void> {
      if (isOver) decoder.destroy();
      else decoder.end();
      await closed;
    },
  };
}

/** Media type of a `Content-Type` header, in lower case and without parameters. */
export function mediaType(header: string): string {
  return header.split(';')[0]!.trim().toLowerCase();
}

function mayBeHtml(header: string): boolean {
  const type = mediaType(header);
  return type === '' || type === 'text/html' || type === 'application/xhtml+xml';
}

/** Seconds that a `Retry-After` header asks for, as a number or a date (RFC 9110, section 10.2.3); null without one. */
export function readRetryAfter(header: string | string[] | undefined): number | null {
  const text = [header ?? []].flat()[0]?.trim();
  if (!text) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.min(HIGHEST_RETRY, seconds)) : null;
}

/** An error in a few words: its code where it has one. */
export function describeFailure(error: unknown): string {
  if (error instanceof Refused) return `refused: ${error.message}`;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError') return 'too slow';
  if (error instanceof AggregateError && error.errors.length > 0) return describeFailure(error.errors[0]);
  return String(code ?? (message === '' ? name : message)).slice(0, 120);
}
