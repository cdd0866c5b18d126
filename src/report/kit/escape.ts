/** Markup that may stand in a page as it is. Only {@link html} and {@link trusted} make it, so plain text never passes for it. */
export interface Html {
  readonly [markup]: string;
}

const markup = Symbol('markup');

/** What may stand in a `${}` of {@link html}: text and numbers are escaped, lists are joined, '' leaves nothing. */
export type Content = string | number | Html | readonly Content[];

/** Template tag that escapes every interpolated text: markup comes from the template itself, or from another {@link Html}. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  let text = strings[0]!;
  for (let i = 0; i < contents.length; i++) text += render(contents[i]!) + strings[i + 1];
  return { [markup]: text };
}

/** Takes `text` for markup without a look: for our own style sheet and for SVG that a renderer has already escaped. */
export function trusted(text: string): Html {
  return { [markup]: text };
}

/** The text of `content`, escaped where it is not markup. */
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

/** `text` with the five characters that mean something in HTML replaced, for element content and quoted attributes. */
function escapeText(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character]!);
}

/**
 * `text` with every control character but tab and line ends, and every half of a surrogate pair, replaced by U+FFFD:
 * HTML forbids them. So are the marks that turn the direction of the text after them, which a hostile name could carry.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD');
}

/**
 * A name such as `pad:rule=mtu+jitter` that may be broken after its punctuation, but not within a number, where the line is too short for it;
 * a stretch of letters that is longer than a word is, anywhere.
 */
export function breakable(name: string): Html {
  const parts = name.split(/(?<=[:,+=/_-])|(?<=\.)(?!\d)|(?<=[\p{L}\p{N}]{24})/u);
  return html`${parts.map((part, i) => html`${i > 0 ? trusted('<wbr>') : ''}${part}`)}`;
}

/** `value` as JSON that can stand inside a script element: no `<`, so neither `</script` nor `<!--` can occur. */
export function embedJson(value: unknown): Html {
  return trusted(JSON.stringify(value).replaceAll('<', '\\u003c'));
}
