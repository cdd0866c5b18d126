import {
  createScanner,
  findNodeAtLocation,
  type Node,
  type ParseErrorCode,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';

/** Data that a text was found to hold, in any notation. */
export interface Found {
  /** Null where there is nothing. */
  readonly content: unknown;
  /** Keys that stand twice in one object; the last one counts. */
  readonly repeated: readonly { readonly place: readonly PropertyKey[]; readonly key: string }[];
}

/** The same, with the place in the text of a value, or of a key of it; the last of keys that stand twice. */
export interface Located extends Found {
  offsetOf(place: readonly PropertyKey[], key?: string): number;
}

/** Makes the error for a place in the text. */
export type Fail = (offset: number, message: string) => Error;

/** Levels; a parser that recurses comes to no harm there. */
export const DEEPEST = 100;

const EXPECTED: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a key or a value of JSON, keys and texts in double quotes',
  InvalidNumberFormat: 'a number',
  PropertyNameExpected: 'a key in double quotes',
  ValueExpected: 'a value',
  ColonExpected: '":" after the key',
  CommaExpected: '","',
  CloseBraceExpected: '"}"',
  CloseBracketExpected: '"]"',
  EndOfFileExpected: 'nothing after the value',
  UnexpectedEndOfComment: '"*/" at the end of the comment',
  UnexpectedEndOfString: 'a double quote at the end of the text',
  InvalidUnicode: '\\u and four hexadecimal digits',
  InvalidEscapeCharacter: 'an escape of JSON after the backslash',
  InvalidCharacter: 'no line break or control character in a text',
};

/** Reads JSON; comments and trailing commas, which people write, are left out. */
export function readJson(text: string, fail: Fail): Located {
  checkDepth(text, fail);
  const errors: { error: ParseErrorCode; offset: number; length: number }[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const [first] = errors;
  if (first) {
    const rest = text.slice(first.offset).split('\n', 1)[0]!.trim().slice(0, 30);
    const found = rest === '' ? '' : `, found ${rest}`;
    throw fail(first.offset, `expected ${EXPECTED[printParseErrorCode(first.error)] ?? 'JSON'}${found}`);
  }
  const repeated: Located['repeated'][number][] = [];
  const read = (node: Node, place: readonly PropertyKey[]): unknown => {
    const { children = [] } = node;
    if (node.type === 'array') return children.map((child, i) => read(child, [...place, i]));
    if (node.type !== 'object') return node.value;
    const object = {};
    for (const property of children) {
      const [key, value] = property.children as [Node, Node];
      if (Object.hasOwn(object, key.value)) repeated.push({ place, key: key.value });
      define(object, key.value, read(value, [...place, key.value]));
    }
    return object;
  };
  const propertyOf = (node: Node | undefined, key: string) =>
    node?.type === 'object' ? node.children?.findLast((property) => property.children![0]!.value === key) : undefined;
  return {
    content: root === undefined ? null : read(root, []),
    repeated,
    offsetOf(place, key) {
      if (root === undefined) return 0;
      let node: Node = root;
      for (const one of place) {
        const next: Node | undefined =
          typeof one === 'string' ? propertyOf(node, one)?.children?.[1] : findNodeAtLocation(node, [Number(one)]);
        if (!next) return node.offset;
        node = next;
      }
      return (key === undefined ? undefined : propertyOf(node, key))?.offset ?? node.offset;
    },
  };
}

/** Sets a key, whatever it is called: `__proto__` is one like others. */
export function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function checkDepth(text: string, fail: Fail): void {
  const scanner = createScanner(text, true);
  let depth = 0;
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    const at = scanner.getTokenOffset();
    // Text begins with its quote.
    if ('{['.includes(text[at] ?? ' ')) depth++;
    else if ('}]'.includes(text[at] ?? ' ')) depth--;
    if (depth > DEEPEST) throw fail(at, `expected at most ${DEEPEST} levels, found more`);
  }
}
