import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type ParsedNode,
  Parser,
  type Scalar,
} from 'yaml';
import { DEEPEST, define, type Fail, type Located } from './json-text.js';

/** Values that aliases may come to, all together: a study has dozens. */
const MOST_VALUES = 500_000;

type Parsed = Document.Parsed<ParsedNode>;

/** Reads one document of YAML, of which nothing is guessed: an alias, a tag or a key that has no clear meaning is refused. */
export function readYaml(text: string, fail: Fail): Located {
  // Keys that stand twice are found below: the library compares each with each.
  const document = composeYaml(text, fail);
  const repeated: Located['repeated'][number][] = [];
  const sources = new Map<Node, Node>();
  let values = 0;
  const read = (node: unknown, place: readonly PropertyKey[], within: readonly Node[]): unknown => {
    if (!isNode(node)) return null;
    const at = node.range?.[0] ?? 0;
    if (++values > MOST_VALUES) throw fail(at, `expected at most ${MOST_VALUES} values, found more: aliases multiply`);
    if (isAlias(node)) {
      // Looked for once: that goes through the whole document.
      const source = sources.get(node) ?? node.resolve(document);
      if (!source) throw fail(at, `*${node.source}: no anchor of this name stands before it`);
      sources.set(node, source);
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

/**
 * Parses one document of YAML.
 * @param uniqueKeys whether to compare each key of a map with each other one, for an error
 * @throws what `fail` makes
 */
export function composeYaml(text: string, fail: Fail, uniqueKeys = false): Parsed {
  checkDepth(text, fail);
  try {
    const tokens = [...new Parser().parse(text)];
    checkLevels(tokens, fail);
    const composer = new Composer<ParsedNode>({ prettyErrors: false, uniqueKeys, logLevel: 'error' });
    const [document, second] = [...composer.compose(tokens, true, text.length)];
    const problem = document?.errors[0] ?? document?.warnings[0];
    if (problem) throw fail(problem.pos[0], problem.message);
    if (second) throw fail(second.range[0], 'expected one document of YAML, found another after "---"');
    return document as Parsed;
  } catch (error) {
    if (error instanceof RangeError) throw fail(0, `expected at most ${DEEPEST} levels, found more`);
    throw error;
  }
}

/**
 * Parser and composer recurse, and near the end of the stack V8 may abort the process where it compiles a regular expression. So what
 * nests without an end of line is counted first.
 */
function checkDepth(text: string, fail: Fail): void {
  let [offset, flow, line] = [0, 0, 0];
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') flow++;
    else if (lexeme === ']' || lexeme === '}') flow = Math.max(0, flow - 1);
    else if (lexeme === '-' || lexeme === '?' || lexeme === ':') line += flow === 0 ? 1 : 0;
    else if (lexeme === '\n' || lexeme === '\r\n') line = 0;
    if (flow > DEEPEST || line > DEEPEST) throw fail(offset, `expected at most ${DEEPEST} levels, found more`);
    // The others are marks that stand for themselves.
    if (text.startsWith(lexeme, offset)) offset += lexeme.length;
  }
}

/** The same for levels that are told by their indentation. */
function checkLevels(tokens: readonly unknown[], fail: Fail): void {
  const todo = tokens.map((token) => ({ token, depth: 0 }));
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
