import { z } from 'zod';
import { suggestion, UsageError } from './errors.js';
import { describeIssue, firstIssue, valueAt } from './issues.js';

/**
 * Parameters of a plug-in: one zod object is the source of defaults, the `name:key=value` notation, validation and the
 * documentation table. Every key has a default and a description; units are in the description.
 */
export type ParameterSchema = z.ZodObject;

/** One row of a documentation table. */
export interface ParameterInfo {
  readonly name: string;
  /** 'number', 'integer', 'boolean', 'string', or the choices joined by '|'; 'list of number' and so on; 'number or string'. */
  readonly type: string;
  readonly default: unknown;
  /** '>= 1, <= 1500', or '' where there is none. */
  readonly range: string;
  readonly description: string;
}

interface JsonSchemaProperty {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchemaProperty[];
  items?: JsonSchemaProperty | boolean;
  prefixItems?: unknown[];
  default?: unknown;
  description?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
}

/** Properties by schema: converting a schema to JSON Schema takes far longer than using the result, and a schema never changes. */
const properties = new WeakMap<ParameterSchema, [string, JsonSchemaProperty][]>();

function propertiesOf(schema: ParameterSchema): [string, JsonSchemaProperty][] {
  let known = properties.get(schema);
  if (!known) {
    const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
      properties?: Record<string, JsonSchemaProperty>;
    };
    known = Object.entries(described.properties ?? {});
    properties.set(schema, known);
  }
  return known;
}

/** The rows of the documentation table of `schema`. */
export function describeParameters(schema: ParameterSchema): ParameterInfo[] {
  return propertiesOf(schema).map(([name, property]) => ({
    name,
    type: typeOf(property),
    default: property.default,
    range: rangeOf(property),
    description: property.description ?? '',
  }));
}

function typeOf(property: JsonSchemaProperty): string {
  const { type, enum: choices, anyOf, items } = property;
  if (choices) return choices.join('|');
  if ('const' in property) return String(property.const);
  if (anyOf) return anyOf.map(typeOf).join(' or ');
  if (type === 'array') return typeof items === 'object' ? `list of ${typeOf(items)}` : 'list';
  return type ?? 'string';
}

/** A kind of value that text can stand for. */
type Scalar = 'number' | 'boolean' | 'null' | 'string';

/** The kinds of value that `property` accepts as text; null where it accepts none. */
function scalarsOf(property: JsonSchemaProperty): ReadonlySet<Scalar> | null {
  const { type, enum: choices, anyOf } = property;
  const scalars = new Set<Scalar>();
  for (const value of choices ?? ('const' in property ? [property.const] : [])) scalars.add(scalarOf(value));
  if (scalars.size > 0) return scalars;
  if (anyOf) {
    for (const one of anyOf) {
      const found = scalarsOf(one);
      if (found === null) return null;
      for (const scalar of found) scalars.add(scalar);
    }
    return scalars;
  }
  if (type === 'number' || type === 'integer') return scalars.add('number');
  if (type === 'boolean' || type === 'null' || type === 'string') return scalars.add(type);
  return null;
}

function scalarOf(value: unknown): Scalar {
  if (value === null) return 'null';
  return typeof value === 'number' || typeof value === 'boolean' ? (typeof value as Scalar) : 'string';
}

/** The items of a list; null for a property that is no list. */
function itemsOf({ type, items, prefixItems }: JsonSchemaProperty): JsonSchemaProperty | null {
  return type === 'array' && typeof items === 'object' && prefixItems === undefined ? items : null;
}

/**
 * Parameters of `schema` that `name:key=value` cannot give: objects, nested lists, and types without a notation. Text, numbers, true,
 * false and null can be given, alone or in lists.
 */
export function unwritableParameters(schema: ParameterSchema): string[] {
  return propertiesOf(schema)
    .filter(([, property]) => scalarsOf(itemsOf(property) ?? property) === null)
    .map(([name]) => name);
}

/** Names of parameters that are lists. */
export function listParameters(schema: ParameterSchema): ReadonlySet<string> {
  return new Set(propertiesOf(schema).flatMap(([name, property]) => (itemsOf(property) ? [name] : [])));
}

/** The values that a parameter can take, as far as the schema tells. */
export type ParameterDomain =
  | { readonly kind: 'number' | 'integer'; readonly low: Bound | null; readonly high: Bound | null }
  | { readonly kind: 'choice'; readonly choices: readonly unknown[] }
  | { readonly kind: 'any' };

/** The smallest or largest value; where `excluded`, the first value that is too small or too large. */
export interface Bound {
  readonly value: number;
  readonly excluded: boolean;
}

/** The domain of each parameter of `schema`, by name. */
export function parameterDomains(schema: ParameterSchema): Map<string, ParameterDomain> {
  return new Map(propertiesOf(schema).map(([name, property]) => [name, domainOf(property)]));
}

function domainOf(property: JsonSchemaProperty): ParameterDomain {
  if (property.enum) return { kind: 'choice', choices: property.enum };
  if (property.type === 'boolean') return { kind: 'choice', choices: [false, true] };
  if (property.type !== 'number' && property.type !== 'integer') return { kind: 'any' };
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = property;
  const bound = (included: number | undefined, excluded: number | undefined): Bound | null => {
    if (excluded !== undefined) return { value: excluded, excluded: true };
    // zod writes the safe-integer limits for every integer; they are not bounds of the parameter.
    if (included === undefined || Math.abs(included) >= Number.MAX_SAFE_INTEGER) return null;
    return { value: included, excluded: false };
  };
  return { kind: property.type, low: bound(minimum, exclusiveMinimum), high: bound(maximum, exclusiveMaximum) };
}

function rangeOf(property: JsonSchemaProperty): string {
  const domain = domainOf(property);
  if (domain.kind !== 'number' && domain.kind !== 'integer') return '';
  const { low, high } = domain;
  const parts: string[] = [];
  if (low) parts.push(`${low.excluded ? '>' : '>='} ${low.value}`);
  if (high) parts.push(`${high.excluded ? '<' : '<='} ${high.value}`);
  return parts.join(', ');
}

/** True for a valid name of a plug-in: lower-case words and numbers joined by hyphens, a letter first. */
export function isKebabCase(name: string): boolean {
  return /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name);
}

/** A plug-in and its parameters as given on the command line: `pad:rule=mtu,size=1400`. */
export interface PluginRequest {
  readonly name: string;
  /** A key that is given several times has a list. */
  readonly given: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * Reads `name` or `name:key=value,key=value`. A list of numbers is `key=1+2`, any other list `key=a,key=b`.
 * @throws UsageError for a part that is not `key=value`
 */
export function parseRequest(text: string): PluginRequest {
  const colon = text.indexOf(':');
  const name = (colon < 0 ? text : text.slice(0, colon)).trim();
  if (name === '') throw new UsageError(`"${text}": expected name or name:key=value,key=value`);
  const given: Record<string, string | string[]> = {};
  if (colon >= 0) {
    for (const part of text.slice(colon + 1).split(',')) {
      const equals = part.indexOf('=');
      const key = part.slice(0, equals).trim();
      if (equals < 1 || key === '') {
        throw new UsageError(`"${text}": expected key=value after the colon, found "${part}"`);
      }
      const value = part.slice(equals + 1).trim();
      // An assignment to `__proto__` would not define a key.
      const all = Object.hasOwn(given, key) ? [given[key]!, value].flat() : value;
      Object.defineProperty(given, key, { value: all, enumerable: true, configurable: true });
    }
  }
  return { name, given };
}

/** The inverse of {@link parseRequest}: `pad:rule=mtu,size=1400`, or the name alone. */
export function formatRequest(name: string, given: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(given).flatMap(([key, value]) => formatParameter(key, value));
  return parts.length === 0 ? name : `${name}:${parts.join(',')}`;
}

/** `key=value`; `key=1+2` for a list of numbers, `key=a,key=b` for any other. */
export function formatParameter(key: string, value: unknown): string[] {
  if (!Array.isArray(value)) return [`${key}=${value}`];
  const isNumeric = value.every((one) => typeof one === 'number');
  return isNumeric && value.length > 0 ? [`${key}=${value.join('+')}`] : value.map((one) => `${key}=${one}`);
}

/**
 * Checks `given` against `schema` and fills in defaults. Strings from the command line are converted to the type in the schema.
 * @param where begins each error message: 'defense pad'
 * @throws UsageError for an unknown key, or a value of the wrong type or out of range
 */
export function resolveParameters<S extends ParameterSchema>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  where: string,
): z.output<S> {
  const known = describeParameters(schema);
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const info = known.find((parameter) => parameter.name === key);
    if (!info) {
      const names = known.map((parameter) => parameter.name);
      const expected = names.length === 0 ? 'it takes no parameters' : `expected one of ${names.join(', ')}`;
      throw new UsageError(`${where}: unknown parameter "${key}"${suggestion(key, names)}; ${expected}`);
    }
    const property = propertiesOf(schema).find(([name]) => name === key)![1];
    values[key] = isText(value) ? fromText(value, property, `${where}: ${key}`) : value;
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const issue = firstIssue(parsed.error);
  // A check of several parameters may report one that was not given.
  const all = { ...Object.fromEntries(known.map((info) => [info.name, info.default])), ...values };
  const found = issue.path.length === 0 ? undefined : (JSON.stringify(valueAt(all, issue.path)) ?? 'nothing');
  throw new UsageError(`${where}: ${describeIssue(issue, { found })}`);
}

const isText = (value: unknown): value is string | readonly string[] =>
  typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'));

/** A plus between numbers, but not the one in `1e+3`. */
const BETWEEN_NUMBERS = /(?<!\de)\+/i;

function fromText(text: string | readonly string[], property: JsonSchemaProperty, where: string): unknown {
  const items = itemsOf(property);
  if (items === null) {
    if (typeof text !== 'string') throw new UsageError(`${where}: is given twice`);
    return scalarFromText(text, property, where);
  }
  const isNumeric = scalarsOf(items)?.has('number') ?? false;
  const texts = [text].flat().flatMap((one) => (isNumeric ? one.split(BETWEEN_NUMBERS) : [one]));
  return texts.map((one) => scalarFromText(one.trim(), items, where));
}

function scalarFromText(text: string, property: JsonSchemaProperty, where: string): unknown {
  const scalars = scalarsOf(property);
  if (scalars?.has('number')) {
    const value = text === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value)) return value;
    if (scalars.size === 1) throw new UsageError(`${where}: expected a number, found "${text}"`);
  }
  if (scalars?.has('boolean')) {
    if (text === 'true' || text === 'false') return text === 'true';
    if (scalars.size === 1) throw new UsageError(`${where}: expected true or false, found "${text}"`);
  }
  return scalars?.has('null') && text === 'null' ? null : text;
}
