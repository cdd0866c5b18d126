import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Page, readPage } from '../../src/noise/page.js';

const URL_ = 'http://a.test/dir/page';

function read(content: string | Uint8Array, contentType = 'text/html', size = 1e9): Page {
  const reader = readPage(URL_, contentType);
  const bytes = Buffer.from(content);
  for (let from = 0; from < bytes.length; from += size) reader.write(bytes.subarray(from, from + size));
  return reader.end();
}

test('links and resources are absolute, each once, in their order', () => {
  const page = read(`
    <link rel="StyleSheet preload" href="s.css"><link rel=icon href=/i.png><link rel=canonical href=/c><link rel=preload as=font href=f.woff2>
    <script src="//cdn.test/x.js"></script><script>document.write('<img src=no.png>')</script>
    <a href="b#x">b</a><A HREF='/c?d=1&amp;e=2'>c</A><a href="b">again</a><a href="#top">top</a><a name=x>none</a>
    <a href="mailto:x@y.z"></a><a href="javascript:void(0)"></a><area href="https://o.test/">
    <img src=1.png srcset="2.png 640w, 3.png 1200w, 4.png 3000w"><img src=5.png srcset="5.png, 6.png 2x"><input type=image src=7.png>
    <iframe src=/frame></iframe><video poster=p.jpg src=v.mp4></video><meta http-equiv=Refresh content="5; URL='/next'">`);
  expect(page.links).toEqual(['http://a.test/dir/b', 'http://a.test/c?d=1&e=2', 'https://o.test/']);
  expect(page.resources.map(({ url, kind }) => `${kind} ${url.replace('http://', '')}`)).toEqual([
    'style a.test/dir/s.css',
    'image a.test/i.png',
    'font a.test/dir/f.woff2',
    'script cdn.test/x.js',
    'image a.test/dir/3.png',
    'image a.test/dir/5.png',
    'image a.test/dir/7.png',
    'iframe a.test/frame',
    'image a.test/dir/p.jpg',
  ]);
  expect(page.refresh).toBe('http://a.test/next');
});

test('a base moves what follows it, the first one that there is', () => {
  expect(read('<a href=x><base href="/other/"><base href=/no/><a href=x>').links).toEqual([
    'http://a.test/dir/x',
    'http://a.test/other/x',
  ]);
  expect(read('<base href="http://[broken"><a href=x>').links).toEqual(['http://a.test/dir/x']);
});

describe('charsets', () => {
  const link = '<a href="/日本">';
  const encoded = encodeURI('http://a.test/日本');
  test.each<[string, Uint8Array, string]>([
    ['UTF-8', Buffer.from(link), 'text/html'],
    ['UTF-16 by its mark', Buffer.from(`\ufeff${link}`, 'utf16le'), 'text/html; charset=utf-8'],
    // 日本 in Shift_JIS is 93 FA 96 7B.
    [
      'Shift_JIS by the header',
      Buffer.from('<a href="/\x93\xfa\x96\x7b">', 'latin1'),
      'text/html; charset="Shift_JIS"',
    ],
    [
      'Shift_JIS by a meta element',
      Buffer.from('<meta charset=sjis><a href="/\x93\xfa\x96\x7b">', 'latin1'),
      'text/html',
    ],
    ['an unknown one', Buffer.from(link), 'text/html; charset=klingon'],
    ['a meta element that says UTF-16 in ASCII', Buffer.from(`<meta charset="utf-16">${link}`), 'text/html'],
  ])('%s', (_, bytes, type) => {
    expect(read(bytes, type).links).toEqual([encoded]);
    expect(read(bytes, type, 1).links).toEqual([encoded]);
  });
});

test('what comes in pieces is read as what comes at once', () => {
  const html = `<!doctype html>${'<p>ä <a href="/p/é">x</a><img src=a.png></p>'.repeat(100)}<a href=/end>`;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), (size) => {
      expect(read(html, 'text/html', size)).toEqual(read(html));
    }),
    { numRuns: 30 },
  );
});

describe('what means harm costs little', () => {
  test('a hundred thousand elements within each other', () => {
    const reader = readPage(URL_, 'text/html');
    reader.write(Buffer.from(`<a href=/first>${'<div>'.repeat(100_000)}<a href=/last>`));
    expect(reader.isFull).toBe(true);
    reader.write(Buffer.from('<a href=/more>'));
    expect(reader.end().links).toEqual(['http://a.test/first']);
  });

  test('any number of links, of any length', () => {
    const page = read(Array.from({ length: 20_000 }, (_, i) => `<a href=/${i}><img src=/${i}.png>`).join(''));
    expect(page.links).toHaveLength(1000);
    expect(page.resources).toHaveLength(500);
    expect(read(`<a href="/${'x'.repeat(1e6)}"><img srcset="${'a.png 1w, '.repeat(1e5)}">`).links).toEqual([]);
  });

  test('bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.string(), (bytes, type) => {
        for (const { url } of read(bytes, type).resources) expect(url).toMatch(/^https?:/);
      }),
    );
  });
});
