import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { MIXES } from '../learning/build-windows.js';
import { readConfigFile } from '../shared/config-file.js';
import { InputError, UsageError } from '../shared/errors.js';
import { formatParameter, listParameters, type ParameterSchema } from '../shared/parameters.js';
import { LABEL_WORDS, labellingOf } from '../trace/labels/label-file.js';
import { DUPLICATES } from '../trace/read/duplicates.js';
import { builtIns, type Registry } from './plugins/registry.js';
import type { BenchRequest } from './spec.js';

/** Something to vary: one value or a list of them. */
const oneOrMore = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1)]);

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/**
 * `pad:rule=mtu`, or `{ name: pad, rule: [mtu, random] }`: each list of values multiplies the entries. Where the parameter is a list itself,
 * a list is one value, and a list of lists varies it.
 */
const values = z.union([scalar, z.array(z.union([scalar, z.array(scalar).min(1)])).min(1)]);
const plugin = z.union([z.string(), z.object({ name: z.string() }).catchall(values)]);

const labels = z.string().superRefine((text, context) => {
  try {
    labellingOf(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const dataset = z.strictObject({
  hours: z.number().optional().describe('length of the synthetic home, in place of captures'),
  profiles: z.string().optional().describe('file of device profiles (home fit) for the synthetic home'),
  data: oneOrMore(z.string()).optional().describe('capture files and folders'),
  train: oneOrMore(z.string()).optional().describe('captures to train on, with test'),
  test: oneOrMore(z.string()).optional().describe('captures to test on, with train'),
  labels: labels.optional().describe(LABEL_WORDS),
  duplicates: z.enum(DUPLICATES).optional().describe('whether packets that the captures hold twice are counted [drop]'),
  split: z.enum(['auto', 'time', 'file']).optional().describe('how data is cut in two'),
  trainShare: z.number().optional().describe('share of packets (files) to train on'),
  live: z.boolean().optional().describe('made over real sockets in network namespaces, defended and captured there'),
  speed: z.number().optional().describe('of live traffic: seconds of the home in one of the clock'),
  unknown: z
    .union([z.int(), oneOrMore(z.string())])
    .optional()
    .describe('open world: devices held out from training, by name, or how many of them each seed holds out in turn'),
  optional: z.boolean().optional().describe('left out, with a warning, where a file or folder it names is not there'),
});

const study = z
  .strictObject({
    name: z.string().default('').describe('title of the report'),
    datasets: z.array(dataset).min(1).default([{}]).describe('by default the synthetic home'),
    views: z.array(plugin).min(1).default(['napt']).describe('what the observer sees'),
    mixes: z.array(z.enum(MIXES)).min(1).default(['home']).describe('whose packets a window holds'),
    windows: z.array(z.int()).min(1).default([100]).describe('packets per window'),
    stride: z.int().optional().describe('packets between windows to train on; by default a quarter of a window'),
    attacks: z.array(plugin).min(1).default(['random-forest']),
    defenses: z
      .array(z.union([plugin, z.array(plugin).min(1)]))
      .min(1)
      .default(['none'])
      .describe('a list within the list composes, in its order'),
    adversaries: z.array(z.string()).min(1).default(['static', 'adaptive']),
    seeds: z.int().default(1).describe('runs, each with a seed of its own'),
    seed: z.int().default(1).describe('the first of them'),
    port: z.string().default('service').describe('service, or destination as in the paper'),
    capacities: z.array(z.number().nullable()).min(1).default([null]).describe('Mbit/s of the link; null for no limit'),
    minimumPackets: z.int().optional().describe('devices with fewer packets on either side are left out'),
    maximumTrainPackets: z.int().optional().describe('an attack trains on at most so many packets'),
    plugins: z.array(z.string()).default([]).describe('files (beside this one) or packages with attacks and defenses'),
    quick: z.boolean().default(false).describe('less data, for a first look'),
  })
  .describe(
    'A study: every dataset in every view, mix, window and link is one setting; in each, all attacks meet all defenses',
  );

type Study = z.output<typeof study>;
type Dataset = z.output<typeof dataset>;
type PluginEntry = z.output<typeof plugin>;

/** A study as it stands in a file. */
export interface StudyFile {
  readonly study: Study;
  /** As `--plugin` takes them. */
  readonly plugins: readonly string[];
  /** One request for each setting, in the order of the file: datasets first, then views, mixes, windows, capacities. */
  readonly requests: readonly BenchRequest[];
  /** One for each optional dataset that is not there. */
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

/** Whether a plug-in is named by its file, not by its package. */
function isFileName(text: string): boolean {
  return text.startsWith('.') || /\.m?[jt]s$/.test(text);
}

/** A dataset as a request names it. */
function sourceOf(
  { data, train, test, labels, profiles, unknown, optional: _, ...rest }: Dataset,
  folder: string,
): BenchRequest {
  const here = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const paths = (value: string | readonly string[] | undefined) =>
    value === undefined ? undefined : [value].flat().map(here);
  return {
    ...rest,
    data: paths(data),
    train: paths(train),
    test: paths(test),
    labels: isLabelsFile(labels) ? here(labels) : labels,
    ...(profiles === undefined ? {} : { profiles: here(profiles) }),
    ...(unknown === undefined ? {} : { unknown: typeof unknown === 'number' ? unknown : [unknown].flat() }),
  };
}

/** Files and folders that a dataset is read from. */
function filesOf({ data = [], train = [], test = [], labels, profiles }: BenchRequest): string[] {
  return [...data, ...train, ...test, ...(isLabelsFile(labels) ? [labels] : []), ...(profiles ? [profiles] : [])];
}

const isLabelsFile = (labels: string | undefined): labels is string =>
  labels !== undefined && labellingOf(labels) === null;

function requestsOf(given: Study, sources: readonly BenchRequest[], registry: Registry): BenchRequest[] {
  const { mixes, windows, capacities, stride, quick } = given;
  const attacks = given.attacks.flatMap((entry) => expand(entry, registry.attacks));
  const defenses = given.defenses.flatMap((entry) => expandDefense(entry, registry.defenses));
  const common = {
    attacks,
    defenses,
    adversaries: given.adversaries,
    seeds: given.seeds,
    seed: given.seed,
    port: given.port,
    minimumPackets: given.minimumPackets,
    maximumTrainPackets: given.maximumTrainPackets,
    stride,
    quick,
  };
  const requests: BenchRequest[] = [];
  for (const source of sources) {
    for (const view of given.views.flatMap((entry) => expand(entry, registry.views))) {
      for (const mix of mixes) {
        for (const window of windows) {
          for (const capacity of capacities) {
            requests.push({ ...common, ...source, view, mix, window, capacity: capacity ?? undefined });
          }
        }
      }
    }
  }
  return requests;
}

function expandDefense(entry: PluginEntry | readonly PluginEntry[], known: readonly Named[]): string[] {
  if (!Array.isArray(entry)) return expand(entry as PluginEntry, known);
  return (entry as readonly PluginEntry[])
    .map((one) => expand(one, known))
    .reduce((all, parts) => all.flatMap((before) => parts.map((part) => `${before}+${part}`)));
}

/** As on the command line, one for each combination of values. */
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

/** JSON Schema of a study file, for editors: the plug-ins that there are, with their parameters. */
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
