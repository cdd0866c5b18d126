import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { type BenchRequest, benchRequest, listOf, type NamedOption, optionsOf } from '../result/request.js';
import { readConfigFile } from '../shared/config-file.js';
import { InputError } from '../shared/errors.js';
import { formatParameter, listParameters, type ParameterSchema } from '../shared/parameters.js';
import { builtIns, type Registry } from './plugins/registry.js';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/**
 * `pad:rule=mtu`, or `{ name: pad, rule: [mtu, random] }`: each list of values multiplies the entries. Where the parameter is a list itself,
 * a list is one value, and a list of lists varies it.
 */
const values = z.union([scalar, z.array(z.union([scalar, z.array(scalar).min(1)])).min(1)]);
const plugin = z.union([z.string(), z.object({ name: z.string() }).catchall(values)]);
type PluginEntry = z.output<typeof plugin>;

/** Entries that name plug-ins. A list within the list of defenses composes, in its order. */
const pluginEntries: Readonly<Record<string, z.ZodType>> = {
  view: plugin,
  attacks: plugin,
  defenses: z.union([plugin, z.array(plugin).min(1)]),
};

const options = optionsOf(benchRequest);
const axes = options.flatMap((one) => (typeof one.study === 'object' ? [{ ...one, axis: one.study.axis }] : []));
const perDataset = options.filter(({ study }) => study === 'dataset');
const common = options.filter(({ study }) => study === undefined);

const entries = (named: readonly NamedOption[], typeOf: (one: NamedOption) => z.ZodType) =>
  Object.fromEntries(
    named.map((one) => [one.key, typeOf(one).meta({ description: one.about, examples: [one.example] })]),
  );

/** Returns the type of an option without its default. */
function innerType(type: z.ZodType): z.ZodType {
  return type instanceof z.ZodOptional || type instanceof z.ZodDefault ? innerType(type.unwrap() as z.ZodType) : type;
}

/** Accepts one value in place of a list of one, for an option that is a list. */
const datasetEntry = ({ type }: NamedOption) => {
  const inner = innerType(type);
  const list = listOf(type);
  return (list ? z.union([inner, list.element]) : inner).optional();
};

const studyEntry = ({ key, type, studyDefault }: NamedOption) => {
  const entry = pluginEntries[key];
  const own = entry
    ? z
        .array(entry)
        .min(1)
        .default(type.parse(undefined) as never)
    : type;
  return studyDefault === undefined ? own : own.default(studyDefault as never);
};

const dataset = z.strictObject({
  ...entries(perDataset, datasetEntry),
  optional: z.boolean().optional().describe('left out, with a warning, where a file or folder it names is not there'),
});

const study = z
  .strictObject({
    name: z.string().default('').describe('title of the report'),
    datasets: z.array(dataset).min(1).default([{}]).describe('by default the synthetic home'),
    ...Object.fromEntries(
      axes.map(({ axis, key, type, about }) => [
        axis,
        z
          .array(pluginEntries[key] ?? innerType(type))
          .min(1)
          .default([type.parse(undefined) as never])
          .describe(about),
      ]),
    ),
    ...entries(common, studyEntry),
    plugins: z.array(z.string()).default([]).describe('files (beside this one) or packages with attacks and defenses'),
  })
  .describe(
    'A study: every dataset in every view, mix, window and link is one setting; in each, all attacks meet all defenses',
  );

type Study = z.output<typeof study> & Readonly<Record<string, unknown>>;
type Dataset = z.output<typeof dataset> & Readonly<Record<string, unknown>>;

/** A study as read from its file. */
export interface StudyFile {
  readonly study: Study;
  /** Plug-ins in the form of `--plugin`. */
  readonly plugins: readonly string[];
  /** One request for each setting, in the order of the file: datasets first, then views, mixes, windows, capacities. */
  readonly requests: readonly BenchRequest[];
  /** Warnings, one for each optional dataset that is not there. */
  readonly warnings: readonly string[];
}

/**
 * Reads a YAML or JSON file. Paths in it are relative to it. Parameters of plug-ins are not checked here.
 * @param registry tells which parameters are lists
 * @throws InputError where it cannot be read, or all of its datasets are optional and none is there; UsageError with file and line for
 * what does not fit
 */
export function readStudy(path: string, registry: Registry = builtIns): StudyFile {
  const given = readConfigFile(path, study, {
    expected: 'a study in YAML',
    keysAt: (place) => Object.keys(place.length === 0 ? study.shape : dataset.shape),
  });
  const folder = dirname(path);
  const plugins = given.plugins.map((one) => (isFileName(one) && !isAbsolute(one) ? join(folder, one) : one));
  const warnings: string[] = [];
  const sources = given.datasets.flatMap((one) => {
    const source = sourceOf(one, folder);
    const missing = one.optional ? filesOf(source).find((file) => !existsSync(file)) : undefined;
    if (missing === undefined) return [source];
    warnings.push(`${missing} is not there: its dataset is left out`);
    return [];
  });
  if (sources.length === 0) throw new InputError(`${path}: no dataset is left: ${warnings.join('; ')}`);
  return { study: given, plugins, requests: requestsOf(given, sources, registry), warnings };
}

/** Tells whether a plug-in is named by its file, not by its package. */
function isFileName(text: string): boolean {
  return text.startsWith('.') || /\.m?[jt]s$/.test(text);
}

/** A dataset as a request names it. */
function sourceOf({ optional: _, ...given }: Dataset, folder: string): BenchRequest {
  const values = perDataset.flatMap(({ key, type, isPath }) => {
    const value: unknown = given[key];
    if (value === undefined) return [];
    const here = (one: unknown) =>
      isPath?.(one as string) && !isAbsolute(one as string) ? join(folder, one as string) : one;
    const isList = Array.isArray(value) || (listOf(type) && typeof value === 'string');
    return [[key, isList ? [value].flat().map(here) : here(value)]];
  });
  return Object.fromEntries(values);
}

/** Lists the files and folders of a dataset. */
function filesOf(source: BenchRequest): string[] {
  return perDataset.flatMap(
    ({ key, isPath }) =>
      [source[key as keyof BenchRequest] ?? []].flat().filter((value) => isPath?.(value as string)) as string[],
  );
}

function requestsOf(given: Study, sources: readonly BenchRequest[], registry: Registry): BenchRequest[] {
  const plugins: Readonly<Record<string, (entry: never) => string[]>> = {
    view: (entry) => expand(entry, registry.views),
    attacks: (entry) => expand(entry, registry.attacks),
    defenses: (entry) => expandDefense(entry, registry.defenses),
  };
  const expanded = (key: string, value: unknown) => (plugins[key] ? (value as never[]).flatMap(plugins[key]) : value);
  const shared = Object.fromEntries(common.map(({ key }) => [key, expanded(key, given[key])]));
  const bySource = sources.map((source): BenchRequest => ({ ...shared, ...source }));
  return axes.reduce((requests, { key, axis }) => {
    const varied = expanded(key, given[axis]) as readonly unknown[];
    return requests.flatMap((request) => varied.map((value) => ({ ...request, [key]: value })));
  }, bySource);
}

function expandDefense(entry: PluginEntry | readonly PluginEntry[], known: readonly Named[]): string[] {
  if (!Array.isArray(entry)) return expand(entry as PluginEntry, known);
  return (entry as readonly PluginEntry[])
    .map((one) => expand(one, known))
    .reduce((all, parts) => all.flatMap((before) => parts.map((part) => `${before}+${part}`)));
}

/** Writes plug-ins as the command line does, one for each combination of values. */
function expand(entry: PluginEntry, known: readonly Named[]): string[] {
  if (typeof entry === 'string') return [entry];
  const { name, ...parameters } = entry;
  const schema = known.find((one) => one.name === name)?.parameters;
  const isList = (key: string) => schema !== undefined && listParameters(schema).has(key);
  let lists: string[][] = [[]];
  for (const [key, value] of Object.entries(parameters)) {
    const isOne = isList(key) && Array.isArray(value) && !value.some((one) => Array.isArray(one));
    const varied: readonly unknown[] = isOne || !Array.isArray(value) ? [value] : value;
    lists = lists.flatMap((list) => varied.map((one) => [...list, ...formatParameter(key, one)]));
  }
  return lists.map((list) => (list.length === 0 ? name : `${name}:${list.join(',')}`));
}

interface Named {
  readonly name: string;
  readonly parameters: ParameterSchema;
}

interface Described extends Named {
  readonly summary: string;
}

/** Makes the JSON Schema of a study file for editors, with all plug-ins and their parameters. */
export function studySchema(plugins: Record<'views' | 'attacks' | 'defenses', readonly Described[]>): object {
  const schema = z.toJSONSchema(study, { io: 'input' }) as { properties: Record<string, { items?: unknown }> };
  for (const kind of ['views', 'attacks', 'defenses'] as const) {
    const one = {
      anyOf: [
        { type: 'string', description: 'name or name:key=value,...; a+b composes' },
        ...plugins[kind].map(schemaOf),
      ],
    };
    const items = kind === 'defenses' ? { anyOf: [one, { type: 'array', items: one, minItems: 1 }] } : one;
    Object.assign(schema.properties[kind]!, { items });
  }
  return schema;
}

function schemaOf({ name, summary, parameters }: Described): object {
  const { properties = {} } = z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' });
  const varied = Object.entries(properties).map(([key, value]) => [
    key,
    { anyOf: [value, { type: 'array', items: value, minItems: 1 }] },
  ]);
  return {
    type: 'object',
    description: summary,
    properties: { name: { const: name }, ...Object.fromEntries(varied) },
    required: ['name'],
    additionalProperties: false,
  };
}
