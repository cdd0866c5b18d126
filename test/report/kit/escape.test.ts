import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { breakable, embedJson, html, printable, render } from '../../../src/report/kit/escape.js';

describe('escaping', () => {
  test('no text leaves the element or the attribute that it stands in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const page = render(html`<p title="${text}">${[text]}</p>`);
        const [, attribute, content] = page.match(/^<p title="([^"]*)">([^<]*)<\/p>$/)!;
        expect(attribute).toBe(content);
        const plain = content!
          .replaceAll('&lt;', '<')
          .replaceAll('&gt;', '>')
          .replaceAll('&quot;', '"')
          .replaceAll('&#39;', "'")
          .replaceAll('&amp;', '&');
        expect(plain).toBe(printable(text));
      }),
    );
  });

  test('an object that looks like markup is not markup', () => {
    const forged = JSON.parse('{"markup":"<b>"}');
    expect(render(html`${String(forged)}`)).toBe('[object Object]');
  });

  test('control characters, lone surrogates and marks that turn the text are replaced', () => {
    expect(printable('a\u0000b\u001Bc\uD800d\u202Ee\tf')).toBe('a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\tf');
    expect(printable('日本語 🏠 é')).toBe('日本語 🏠 é');
  });

  test('embedded JSON reads back and cannot end its script', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = render(embedJson({ value, close: '</script><!--' }));
        expect(text).not.toContain('<');
        expect(JSON.parse(text).value).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('a name may break after its punctuation only', () => {
    expect(render(breakable('pad:rule=<b>'))).toBe('pad:<wbr>rule=<wbr>&lt;b&gt;');
  });
});
