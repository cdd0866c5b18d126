import fc from 'fast-check';

/** Values that people and programs put into files, and on which parsers and schemas have stumbled. */
const NASTY = [
  '*x',
  '&x [*x]',
  '<<: *x',
  '!!binary aGk=',
  '!!js/function "x"',
  '!!timestamp 2020-01-01',
  '2020-01-01',
  '.nan',
  '-.inf',
  '1e999',
  '-0',
  '0x1F',
  '0o17',
  '1_000',
  '99999999999999999999',
  '__proto__: {x: 1}',
  '"__proto__": {"toString": 1},',
  'constructor',
  'toString: 1',
  'null',
  '~',
  '? [a, b]\n: c',
  '\n---\nb: 2\n',
  '\n...\n',
  '%YAML 1.1\n---\n',
  '[',
  '{',
  ']',
  '}',
  '['.repeat(3000),
  '- '.repeat(3000),
  '// comment\n',
  '/* comment */',
  '/*',
  '# comment\n',
  '"',
  "'",
  '\\',
  '\u0000',
  '\ufeff',
  '\u2028',
  '\ud800',
  '\t',
  '\r',
  '|\n',
  ': ',
  ',',
  ',,',
  '\u001b[31m',
] as const;

/** Texts like `text`: pieces of it left out, doubled, moved or replaced, and something nasty put in. */
export function textsLike(text: string): fc.Arbitrary<string> {
  const at = fc.nat(text.length);
  const edit = fc.record({
    from: at,
    length: fc.oneof(fc.nat(3), fc.nat(40)),
    put: fc.oneof(fc.constantFrom(...NASTY), fc.string({ maxLength: 3 }), fc.constant('')),
    again: fc.boolean(),
  });
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) =>
    edits.reduce((now, { from, length, put, again }) => {
      const piece = again ? now.slice(from, from + length) : '';
      return now.slice(0, from) + piece + put + now.slice(from + (again ? 0 : length));
    }, text),
  );
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  1.5,
  2 ** 53,
  '',
  'x',
  'x\ny',
  '__proto__',
  '\u001b[31m',
  [],
  [null],
  {},
  { x: 1 },
  JSON.parse('{"__proto__": {"x": 1}}'),
];

/** JSON of a value like `value`: one or two of its parts gone, twice there, or something else. */
export function jsonLike(value: unknown): fc.Arbitrary<string> {
  const places = placesIn(value, []);
  const change = fc.record({
    place: fc.constantFrom(...places),
    what: fc.oneof(
      fc.constant('gone' as const),
      fc.constantFrom(...VALUES).map((one) => ({ one })),
    ),
  });
  return fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const copy = { root: structuredClone(value) };
    for (const { place, what } of changes) {
      let at: unknown = copy;
      const path = ['root', ...place];
      for (const key of path.slice(0, -1)) at = (at as Record<string, unknown> | undefined)?.[key];
      if (typeof at !== 'object' || at === null) continue;
      const key = path.at(-1)!;
      if (what !== 'gone') (at as Record<string, unknown>)[key] = structuredClone(what.one);
      else if (Array.isArray(at)) at.splice(Number(key), 1);
      else delete (at as Record<string, unknown>)[key];
    }
    return JSON.stringify(copy.root) ?? '';
  });
}

/** Of a long list, only the first and last items are changed: the others are like them. */
function placesIn(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const entries = Object.entries(value);
  const some = Array.isArray(value) && entries.length > 3 ? [entries[0]!, entries.at(-1)!] : entries;
  return [[...path], ...some.flatMap(([key, one]) => placesIn(one, [...path, key]))];
}
