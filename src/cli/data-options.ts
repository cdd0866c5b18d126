import { availableParallelism } from 'node:os';
import type { Argv, Options } from 'yargs';
import { z } from 'zod';
import { benchRequest, innerOf, listOf, type NamedOption, optionsOf } from '../result/request.js';
import { DUPLICATES } from '../trace/read/duplicates.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';

/** Options of every command that trains, besides those of its request. */
export interface DataOptions extends PluginOption {
  threads: number;
}

/** Help on captures for commands that read them once. */
export const CAPTURES =
  'Captures (pcap or pcapng, plain or packed with gzip, xz or zstd), folders of them, or - for standard input';

const { labels, duplicates } = Object.fromEntries(optionsOf(benchRequest).map((one) => [one.key, one]));

/** Help on labels, and the option on copies, for every command that reads captures. */
export const LABELS = labels!.about;
export const DUPLICATES_OPTION = { choices: DUPLICATES, describe: describe(duplicates!) };

/** Adds a flag for each option of a request; defaults are left to its schema. */
export function addRequestOptions<T>(yargs: Argv<T>, request: z.ZodObject): Argv<T & DataOptions> {
  const flags = optionsOf(request).map((one) => [one.flag, { ...typeOf(one), describe: describe(one) }]);
  return addPluginOption(yargs)
    .options(Object.fromEntries(flags) as Record<never, Options>)
    .option('threads', { type: 'number', default: availableParallelism(), describe: 'Worker threads' }) as never;
}

/** Picks what was given of a request out of the options of a command. */
export function requestOf<S extends z.ZodObject>(given: object, request: S): z.input<S> {
  const values = given as Readonly<Record<string, unknown>>;
  return Object.fromEntries(optionsOf(request).map(({ key, flag }) => [key, values[flag]])) as z.input<S>;
}

/** Help text with the default: `Packets per window  [100]`. */
function describe({ about, otherwise, type }: NamedOption): string {
  const constant = type.safeParse(undefined).data;
  const text = otherwise ?? (constant === undefined || constant === false ? '' : [constant].flat().join(', '));
  return text === '' ? about : `${about}  [${text}]`;
}

function typeOf({ type }: NamedOption): object {
  const list = listOf(type);
  if (list) return { ...typeOfOne(list.element), array: true };
  return typeOfOne(type);
}

function typeOfOne(type: z.ZodType): object {
  if (type instanceof z.ZodEnum) return { choices: type.options };
  if (type instanceof z.ZodNumber) return { type: 'number' };
  if (type instanceof z.ZodBoolean) return { type: 'boolean' };
  const inner = innerOf(type);
  return inner === type ? { type: 'string' } : typeOfOne(inner);
}
