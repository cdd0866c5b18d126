import { type Document, isMap, isNode, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { suggestion, UsageError } from './errors.js';
import { readText } from './files.js';

type Issue = z.core.$ZodIssue;

export interface ConfigFile {
  /** For a message when the file cannot be read: 'a study in YAML'. */
  readonly expected: string;
  /** The keys known where an unknown one was found, for a suggestion. */
  keysAt(path: readonly PropertyKey[]): readonly string[];
}

/**
 * Reads a YAML or JSON file, and holds it to the schema that `choose` picks for what it holds.
 * @throws InputError where it cannot be read; UsageError with file and line for what does not fit
 */
export function readConfigFile<S extends z.ZodType>(
  path: string,
  choose: (content: unknown) => S,
  { expected, keysAt }: ConfigFile,
): z.output<S> {
  const text = readText(path, `; expected ${expected}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) throw new UsageError(`${lineOf(error.pos[0])}: ${error.message.replaceAll(/\s+/g, ' ')}`);
  const content: unknown = document.toJS() ?? {};
  const parsed = choose(content).safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = innermost(parsed.error.issues[0]!);
  throw new UsageError(`${lineOf(offsetOf(document, issue))}: ${describeIssue(issue, keysAt)}`);
}

/** Of a union none of whose branches fits, what is wrong with the branch that came furthest. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const deepest = issue.errors
    .flat()
    .map((one) => innermost({ ...one, path: [...issue.path, ...one.path] }))
    .sort((a, b) => b.path.length - a.path.length)[0];
  return deepest && deepest.path.length > issue.path.length ? deepest : issue;
}

/** Where in the text an issue is: at the key that is not known, at the value that does not fit, or at what lacks one. */
function offsetOf(document: Document.Parsed, issue: Issue): number {
  for (let path = issue.path; ; path = path.slice(0, -1)) {
    const node = document.getIn(path, true);
    if (issue.code === 'unrecognized_keys' && isMap<Node>(node)) {
      const key = node.items.find((item) => String(item.key) === issue.keys[0])?.key;
      if (key?.range) return key.range[0];
    }
    if (isNode(node) && node.range) return node.range[0];
    if (path.length === 0) return 0;
  }
}

function describeIssue(issue: Issue, keysAt: ConfigFile['keysAt']): string {
  const place = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    const key = issue.keys[0]!;
    return `unknown key "${key}"${suggestion(key, known)}; expected one of ${known.join(', ')}`;
  }
  const message = `${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
  return place === '' ? message : `${place}: ${message}`;
}
