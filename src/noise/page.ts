import { Parser } from 'htmlparser2';
import { parseUrl } from './urls.js';

/** Kind of a resource, as a browser names it to the server (Sec-Fetch-Dest). */
export type ResourceKind = 'style' | 'script' | 'image' | 'font' | 'iframe' | 'video';

export interface Resource {
  readonly url: string;
  readonly kind: ResourceKind;
  /** Whether it is a script that rendering does not wait for: deferred, asynchronous, or a module. */
  readonly isDeferred: boolean;
}

/** Links and resources of a page. URLs are absolute, http or https, without repetition, in the order of the page. */
export interface Page {
  readonly links: readonly string[];
  readonly resources: readonly Resource[];
  /** Target of a meta refresh; null without one. */
  readonly refresh: string | null;
  /** Whether it names an icon; otherwise browsers request /favicon.ico. */
  readonly hasIcon: boolean;
}

export interface PageReader {
  write(chunk: Uint8Array): void;
  end(): Page;
  /** Whether it has read enough: further bytes change nothing. */
  readonly isFull: boolean;
}

type Decoder = InstanceType<typeof TextDecoder>;

/** Limits on what is kept of a page: a walk needs no more, and a page may have any number. */
const MOST_LINKS = 1000;
const MOST_RESOURCES = 500;
const LONGEST_URL = 1000;
/** Deepest nesting of elements, as in browsers. The parser slows down with the depth of its stack. */
const DEEPEST = 512;
/** Bytes searched for a charset (HTML standard, 13.2.3.2). */
const PRESCAN = 1024;

/**
 * Reads a page from bytes as they arrive. The charset is that of the byte order mark, the `Content-Type` or a meta element, otherwise
 * UTF-8; invalid bytes become replacement characters. Memory does not grow with the page.
 * @param url URL of the document, after redirects
 */
export function readPage(url: string, contentType: string): PageReader {
  const links = new Set<string>();
  const resources = new Map<string, Omit<Resource, 'url'>>();
  let base = url;
  let hasBase = false;
  let hasIcon = false;
  let refresh: string | null = null;
  let depth = 0;
  let isFull = false;

  const absolute = (text: string | undefined): string | null => {
    if (text === undefined || text.length > LONGEST_URL) return null;
    const found = parseUrl(text.trim(), base);
    return found && /^https?:$/.test(found.protocol) && found.href.length <= LONGEST_URL ? found.href : null;
  };
  const addLink = (text: string | undefined) => {
    // A link within the page leads to no other page.
    if (text === undefined || text.trimStart().startsWith('#') || links.size >= MOST_LINKS) return;
    const found = absolute(text);
    if (found) links.add(found);
  };
  const addResource = (text: string | undefined, kind: ResourceKind, isDeferred = false) => {
    if (!text || resources.size >= MOST_RESOURCES) return;
    const found = absolute(text);
    if (found && !resources.has(found)) resources.set(found, { kind, isDeferred });
  };

  const open = (name: string, of: Record<string, string>): void => {
    switch (name) {
      case 'a':
      case 'area':
        addLink(of.href);
        break;
      case 'base':
        if (!hasBase && of.href !== undefined) {
          base = parseUrl(of.href, url)?.href ?? url;
          hasBase = true;
        }
        break;
      case 'link':
        addLinked(of);
        break;
      case 'script':
        addResource(of.src, 'script', 'defer' in of || 'async' in of || of.type === 'module');
        break;
      case 'img':
        addResource(largestSource(of.srcset) ?? of.src, 'image');
        break;
      case 'input':
        if (of.type === 'image') addResource(of.src, 'image');
        break;
      case 'iframe':
        addResource(of.src, 'iframe');
        break;
      case 'video':
        addResource(of.poster, 'image');
        break;
      case 'meta':
        if (of['http-equiv']?.toLowerCase() === 'refresh') {
          refresh ??= absolute(/;\s*url\s*=\s*['"]?([^'"]+)/i.exec((of.content ?? '').slice(0, LONGEST_URL))?.[1]);
        }
        break;
    }
  };
  const addLinked = ({ rel = '', href, as }: Record<string, string>) => {
    const kinds = rel.toLowerCase().split(/\s+/);
    if (kinds.includes('stylesheet')) addResource(href, 'style');
    else if (kinds.includes('icon')) {
      hasIcon = true;
      addResource(href, 'image');
    } else if (kinds.includes('preload') && (as === 'style' || as === 'script' || as === 'image' || as === 'font')) {
      addResource(href, as);
    }
  };

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        open(name, attributes);
        if (++depth <= DEEPEST) return;
        isFull = true;
        parser.pause();
      },
      onclosetag: () => void depth--,
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true },
  );
  const parse = (text: string) => {
    if (!isFull) parser.write(text);
  };

  let head: Uint8Array[] = [];
  let headBytes = 0;
  let decoder: Decoder | null = null;
  const start = () => {
    const first = Buffer.concat(head);
    head = [];
    decoder = decoderOf(first, contentType);
    parse(decoder.decode(first, { stream: true }));
  };
  return {
    get isFull() {
      return isFull;
    },
    write(chunk) {
      if (isFull) return;
      if (decoder) return parse(decoder.decode(chunk, { stream: true }));
      head.push(chunk);
      headBytes += chunk.length;
      if (headBytes >= PRESCAN) start();
    },
    end() {
      if (!decoder) start();
      // Ending the parser would only close open elements one by one, which finds nothing more.
      return {
        links: [...links],
        resources: [...resources].map(([found, of]) => ({ url: found, ...of })),
        refresh,
        hasIcon,
      };
    },
  };
}

/** The largest picture of a srcset that suits a desktop screen, which most browsers there choose. */
function largestSource(srcset: string | undefined): string | undefined {
  if (srcset === undefined || srcset.length > 20_000) return undefined;
  let best: string | undefined;
  let most = 0;
  // A URL may contain commas: candidates are separated by a comma and white space.
  for (const candidate of srcset.split(/,\s+/)) {
    const [source, descriptor = '1x'] = candidate.trim().split(/\s+/);
    const size = descriptor.endsWith('w') ? Number.parseFloat(descriptor) / 1280 : Number.parseFloat(descriptor);
    if (source && size > most && size <= 1) {
      most = size;
      best = source;
    }
  }
  return best;
}

function decoderOf(first: Uint8Array, contentType: string): Decoder {
  const label = markOf(first) ?? charsetIn(contentType) ?? metaCharset(first) ?? 'utf-8';
  try {
    return new TextDecoder(label);
  } catch {
    return new TextDecoder();
  }
}

function markOf([a, b, c]: Uint8Array): string | null {
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return a === 0xff && b === 0xfe ? 'utf-16le' : null;
}

function charsetIn(text: string): string | null {
  return /charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(text)?.[1] ?? null;
}

/** Charset of a meta element. One that says UTF-16 in ASCII means UTF-8 (HTML standard, 13.2.3.2, step 14 of the prescan). */
function metaCharset(first: Uint8Array): string | null {
  const found = charsetIn(
    /<meta\s[^>]{0,200}/i.exec(Buffer.from(first.subarray(0, PRESCAN)).toString('latin1'))?.[0] ?? '',
  );
  return found?.toLowerCase().startsWith('utf-16') ? 'utf-8' : found;
}
