import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  Parser,
  type Scalar,
} from 'yaml';
import { DEEPEST, define, type Fail, type Located } from './json-text.js';

/** Values that aliases may come to, all together: a study has dozens. */
const MOST_VALUES = 1e6;

type Parsed = Document.Parsed<ParsedNode>;

/** Reads one document of YAML, of which nothing is guessed: an alias, a tag or a key that has no clear meaning is refused. */
export function readYaml(text: string, fail: Fail): Located {
  const document = compose(text, fail);
  const repeated: Located['repeated'][number][] = [];
  let values = 0;
  const read = (node: unknown, place: readonly PropertyKey[], within: readonly Node[]): unknown => {
    if (!isNode(node)) return null;
    const at = node.range?.[0] ?? 0;
    if (++values > MOST_VALUES) throw fail(at, `expected at most ${MOST_VALUES} values, found more: aliases multiply`);
    if (isAlias(node)) {
      const source = node.resolve(document);
      if (!source) throw fail(at, `*${node.source}: no anchor of this name stands before it`);
      if (within.includes(source)) throw fail(at, `*${node.source}: stands within what it refers to`);
      return read(source, place, within);
    }
    if (within.length > DEEPEST) throw fail(at, `expected at most ${DEEPEST} levels, found more`);
    const inside = [...within, node];
    if (isSeq(node)) return node.items.map((item, i) => read(item, [...place, i], inside));
    if (!isMap(node)) return isScalar(node) ? scalarOf(node, fail) : null;
    const object = {};
    for (const pair of node.items) {
      const key = keyOf(pair.key, at, fail);
      if (Object.hasOwn(object, key)) repeated.push({ place, key });
      define(object, key, read(pair.value, [...place, key], inside));
    }
    return object;
  };
  return {
    content: read(document.contents, [], []),
    repeated,
    offsetOf(place, key) {
      for (let path = place; ; path = path.slice(0, -1)) {
        const node: unknown = document.getIn(path, true);
        if (key !== undefined && path.length === place.length && isMap(node)) {
          const pair = node.items.findLast((item) => isScalar(item.key) && textOf(item.key) === key);
          if (isPair(pair) && isNode(pair.key) && pair.key.range) return pair.key.range[0];
        }
        if (isNode(node) && node.range) return node.range[0];
        if (path.length === 0) return 0;
      }
    },
  };
}

/** The parser keeps a stack of its own; what composes its tokens recurses, and near the end of the stack Node itself may die. */
function compose(text: string, fail: Fail): Parsed {
  const tokens = [...new Parser().parse(text)];
  const todo: { token: unknown; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { token, depth } = next;
    if (typeof token !== 'object' || token === null) continue;
    const { offset, value, items = [] } = token as { offset?: number; value?: unknown; items?: object[] };
    if (depth > DEEPEST) throw fail(offset ?? 0, `expected at most ${DEEPEST} levels, found more`);
    if (typeof value === 'object') todo.push({ token: value, depth });
    for (const item of items) {
      const { key, value } = item as { key?: unknown; value?: unknown };
      todo.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
    }
  }
  // Keys that stand twice are found above: this library compares each with each.
  const composer = new Composer<ParsedNode>({ prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  const problem = document?.errors[0] ?? document?.warnings[0];
  if (problem) throw fail(problem.pos[0], problem.message.replaceAll(/\s+/g, ' '));
  if (second) throw fail(second.range[0], 'expected one document of YAML, found another after "---"');
  return document as Parsed;
}

function keyOf(key: unknown, at: number, fail: Fail): string {
  if (key === null) return '';
  const offset = (isNode(key) ? key.range?.[0] : undefined) ?? at;
  if (!isScalar(key)) throw fail(offset, 'expected a word as key, found an alias, a list or a map');
  const text = textOf(key);
  // In braces it would be taken for a part of the key behind it.
  if (key.type === 'PLAIN' && /^(\/\/|\/\*)/.test(text))
    throw fail(offset, `expected a key, found "${text.slice(0, 30)}": comments of YAML begin with #`);
  return text;
}

const textOf = ({ source, value }: Scalar): string => (typeof value === 'string' ? value : (source ?? String(value)));

function scalarOf(node: Scalar, fail: Fail): unknown {
  const { value } = node;
  if (typeof value === 'object' && value !== null) {
    throw fail(node.range?.[0] ?? 0, `expected text, a number, true or false, found ${node.tag ?? 'something else'}`);
  }
  return value;
}
