import { z } from 'zod';
import { MIXES } from '../learning/build-windows.js';
import { oneOf, whole } from './check.js';
import { option, type Setting, textOf } from './option.js';

const setting = <T extends z.ZodType>(type: T, text: Setting): T => option(type, text);

/** Options that stand in the resolved spec as they are asked for: a new one needs nothing more than its entry here. */
export const settings = {
  mix: setting(oneOf(MIXES).default('home'), {
    about: 'Packets in a window: of a single device, one flow, or the home',
    study: { axis: 'mixes' },
    example: 'flow',
  }),
  observer: setting(oneOf(['full', 'paper']).default('full'), {
    about: 'What is read beside packets: full, remote addresses; paper, none, as in Dong et al.',
    study: { axis: 'observers' },
    example: 'paper',
    older: 'paper',
  }),
  seeds: setting(whole(1, 1000).default(1), { about: 'Runs, each with a seed of its own', example: 3 }),
  seed: setting(whole(0).default(1), { about: 'Seed of all chance (with several seeds, the first one)', example: 7 }),
  window: setting(whole(2, 65_535).default(100), {
    about: 'Packets per window',
    study: { axis: 'windows' },
    example: 50,
  }),
  stride: setting(whole(1, 65_535).optional(), {
    about: 'Packets between windows to train on',
    otherwise: 'window / 4',
    fallback: ({ window }) => Math.ceil(window / 4),
    example: 10,
  }),
  port: setting(oneOf(['service', 'destination']).default('service'), {
    about: 'As what ports count: the remote port in both directions, or the literal destination port as in the paper',
    example: 'destination',
  }),
  minimumPackets: setting(whole(1).optional(), {
    about: 'Leave out devices with fewer packets on either side of the split',
    otherwise: 'window',
    fallback: ({ window }) => window,
    example: 20,
  }),
  maximumTrainPackets: setting(whole(1).nullable().optional(), {
    about: 'Train on evenly spaced windows of at most so many packets',
    otherwise: 'no limit, quick: 60000',
    fallback: ({ quick }) => (quick ? 60_000 : null),
    example: 100_000,
  }),
};

type Settings = typeof settings;
type Resolved<T> = T extends z.ZodOptional<infer Inner> | z.ZodDefault<infer Inner> ? Inner : never;

/** The settings as the spec has them: each is there. */
const resolvedSettings = Object.fromEntries(
  Object.entries(settings).map(([key, type]) => {
    const { about, older } = textOf<Setting>(type);
    const inner: z.ZodType = type.unwrap().describe(about);
    return [key, older === undefined ? inner : inner.default(older)];
  }),
) as unknown as { [K in keyof Settings]: Resolved<Settings[K]> };

export const parameters = z.record(z.string(), z.unknown());

const resolvedPlugin = z
  .object({
    name: z.string(),
    label: z.string().describe('as on the command line: pad:rule=mtu'),
    parameters: parameters.describe('with every default written out'),
  })
  .describe('a plug-in with its parameters');

const pluginFile = z.object({
  path: z.string().describe('as given: a path, or the name of a package'),
  sha256: z.string().describe('hash of the file itself, without what it imports'),
});

export const adversary = z.enum(['static', 'adaptive']);

/** The run as asked for, with all defaults written out. */
export const resolvedSpec = z
  .object({
    plugins: z
      .array(pluginFile)
      .default([])
      .describe('files that attacks and defenses were loaded from, in their order'),
    data: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('synthetic'),
        hours: z.number(),
        seed: z.number(),
        profiles: z.string().optional().describe('file of device profiles; absent for the invented devices'),
      }),
      z.object({
        kind: z.literal('captures'),
        paths: z.array(z.string()),
        labels: z.string(),
        train: z.array(z.string()).nullable().describe('captures to train on, where given apart; else null'),
        test: z.array(z.string()).nullable(),
        duplicates: z.literal('keep').optional().describe('absent where only the first of equal packets counts'),
      }),
    ]),
    split: z.object({
      by: z.enum(['time', 'file', 'paths']),
      train: z.number().nullable(),
      gap: z.number().optional().describe('hours between the training and the test part, left out; absent for none'),
    }),
    view: resolvedPlugin,
    attacks: z.array(resolvedPlugin),
    defenses: z.array(
      z
        .object({ label: z.string(), parts: z.array(resolvedPlugin) })
        .describe('one plug-in, or several applied in order (pad+jitter)'),
    ),
    adversaries: z.array(adversary),
    transfer: z.boolean().optional().describe('whether models trained on one defense are tested on each other'),
    unknown: z
      .union([z.number(), z.array(z.string())])
      .optional()
      .describe('open world: devices held out from training, by name, or how many each seed holds out in turn'),
    ...resolvedSettings,
    capacity: z.number().nullable().describe('bit/s of the link behind the defense; null for no limit'),
    live: z
      .object({
        speed: z
          .number()
          .nullable()
          .describe('seconds of the home in one of the clock; null: as many as its defenses allow'),
      })
      .optional()
      .describe('absent for simulated traffic'),
  })
  .describe('the run as asked for, with all defaults written out');

export type ResolvedSpec = DeepReadonly<z.output<typeof resolvedSpec>>;
export type ResolvedPlugin = DeepReadonly<z.output<typeof resolvedPlugin>>;
/** A defense: one plug-in, or several applied in order (`pad+jitter`). */
export type ResolvedDefense = ResolvedSpec['defenses'][number];
export type PluginFile = DeepReadonly<z.output<typeof pluginFile>>;
export type Adversary = z.output<typeof adversary>;

/** `T` with nothing in it that may be changed. */
export type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Gives the settings of a request, defaults that depend on other options included. */
export function settingsOf(request: { readonly window: number; readonly quick: boolean }) {
  const given: Readonly<Record<string, unknown>> = { ...request };
  const resolved = Object.entries(settings).map(([key, type]) => [
    key,
    given[key] === undefined ? textOf<Setting>(type).fallback?.(request) : given[key],
  ]);
  return Object.fromEntries(resolved) as { [K in keyof Settings]: z.output<Resolved<Settings[K]>> };
}
