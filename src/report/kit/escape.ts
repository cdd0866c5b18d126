/** Markup that needs no escaping. Only {@link html} and {@link trusted} make it, so plain text never passes for it. */
export interface Html {
  readonly [markup]: string;
}

const markup = Symbol('markup');

/** A value in a `${}` of {@link html}: text and numbers are escaped, lists are joined. */
export type Content = string | number | Html | readonly Content[];

/** Template tag that escapes every interpolated text. Markup comes from the template itself or from another {@link Html}. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  let text = strings[0]!;
  for (let i = 0; i < contents.length; i++) text += render(contents[i]!) + strings[i + 1];
  return { [markup]: text };
}

/** Marks `text` as markup without a check: the style sheet, and SVG that a renderer has escaped. */
export function trusted(text: string): Html {
  return { [markup]: text };
}

/** The text of `content`, escaped unless it is markup. */
export function render(content: Content): string {
  if (Array.isArray(content)) return content.map(render).join('');
  if (typeof content === 'object') return (content as Html)[markup];
  return escapeText(String(content));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** `text` with the five special characters of HTML replaced, for element content and quoted attributes. */
function escapeText(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character]!);
}

/**
 * `text` with control characters other than tab and line ends, and unpaired surrogates, replaced by U+FFFD, since HTML forbids them.
 * Direction marks are replaced too, since a hostile name could use them.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD');
}

/**
 * A name such as `pad:rule=mtu+jitter` with line breaks allowed after punctuation, but not within a number, and in runs of letters that
 * are longer than a word.
 */
export function breakable(name: string): Html {
  const parts = name.split(/(?<=[:,+=/_-])|(?<=\.)(?!\d)|(?<=[\p{L}\p{N}]{24})/u);
  return html`${parts.map((part, i) => html`${i > 0 ? trusted('<wbr>') : ''}${part}`)}`;
}

/** `value` as JSON for a script element, without `<`, so that neither `</script` nor `<!--` can occur. */
export function embedJson(value: unknown): Html {
  return trusted(JSON.stringify(value).replaceAll('<', '\\u003c'));
}
