import { z } from 'zod';
import { suggestion, UsageError } from '../shared/errors.js';
import { labellingOf } from '../trace/labels/label-file.js';
import { DUPLICATES } from '../trace/read/duplicates.js';
import { checked, oneOf, positive, whole } from './check.js';
import { type Option, option, textOf } from './option.js';
import { type DeepReadonly, type ResolvedSpec, settings } from './spec.js';

/**
 * The schema of a run. Each entry of {@link benchRequest} is one option: its type, bounds and default are in zod, all else in
 * {@link Option}. Flags, help, study files, JSON Schema, checks, the resolved spec and the command that reproduces a run follow from it.
 * An option that the spec has as it is asked for is an entry of `settings`; the others are here.
 */

/** An option whose resolved form differs from what was asked for. */
interface Derived extends Option {
  /** Gives the values that ask for the same again: undefined, null, false or [] for none. */
  readonly given: (spec: ResolvedSpec) => unknown;
}

const derived = <T extends z.ZodType>(type: T, text: Derived): T => option(type, text);

const paths = z.array(z.string()).min(1);

const labels = z.string().superRefine((text, context) => {
  try {
    labellingOf(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** Whether labels are in a file of their own. */
const isLabelsFile = (text: string): boolean => labellingOf(text) === null;

const COUNT = whole(1);
const NAMES_OR_COUNT = 'expected names of devices, or how many of them';

const heldOut = z
  .union([COUNT, z.array(z.string()).min(1, NAMES_OR_COUNT)], NAMES_OR_COUNT)
  .superRefine((given, context) => {
    const devices = countOrNames(given);
    if (typeof devices === 'number') {
      const issue = COUNT.safeParse(devices).error?.issues[0];
      if (issue) context.issues.push({ code: 'custom', message: issue.message, input: devices });
      return;
    }
    const twice = devices.find((name, i) => devices.indexOf(name) < i);
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `"${twice}" is given twice` });
  });

/** Takes a single name that is a number, as the command line gives it, for how many devices. */
export function countOrNames(given: number | readonly string[]): number | readonly string[] {
  if (typeof given === 'number' || given.length !== 1) return given;
  const count = Number(given[0]);
  return Number.isFinite(count) ? count : given;
}

const shareText = (bound: string) => `expected more than 0 and ${bound}`;
const LESS_THAN_1 = shareText('less than 1');
const AT_MOST_1 = shareText('at most 1');
const shareOfTraining = {
  about: 'Share of packets (files) to train on',
  study: 'dataset',
  example: 0.5,
  given: ({ split }) => split.train,
} as const satisfies Derived;

const capturesOf = ({ data }: ResolvedSpec) => (data.kind === 'captures' ? data : undefined);
const homeOf = ({ data }: ResolvedSpec) => (data.kind === 'synthetic' ? data : undefined);
const isPath = () => true;

/** The request for a run. Without `data` it runs on the synthetic home. */
export const benchRequest = z.object({
  data: derived(paths.optional(), {
    about: 'Capture files or folders; without it, the synthetic home',
    study: 'dataset',
    isPath,
    example: ['captures'],
    needs: { labels: 'file' },
    given: (spec) => (capturesOf(spec)?.train ? [] : capturesOf(spec)?.paths),
  }),
  train: derived(paths.optional(), {
    about: 'Captures to train on, with test, in place of data',
    study: 'dataset',
    isPath,
    example: ['monday'],
    needs: { test: ['tuesday'], labels: 'file' },
    given: (spec) => capturesOf(spec)?.train,
  }),
  test: derived(paths.optional(), {
    about: 'Captures to test on, with train',
    study: 'dataset',
    isPath,
    example: ['tuesday'],
    needs: { train: ['monday'], labels: 'file' },
    given: (spec) => capturesOf(spec)?.test,
  }),
  labels: derived(labels.optional(), {
    about:
      'CSV or YAML of address, device, category; or "file"; or "folder", "folder=2" for the one above, "folder=top"',
    study: 'dataset',
    isPath: isLabelsFile,
    example: 'labels.csv',
    needs: { data: ['captures'] },
    given: (spec) => capturesOf(spec)?.labels,
  }),
  duplicates: derived(oneOf(DUPLICATES).optional(), {
    about: 'Packets that captures hold twice (mirror port, tcpdump -i any)',
    otherwise: 'drop',
    study: 'dataset',
    example: 'keep',
    needs: { data: ['captures'], labels: 'file' },
    given: (spec) => capturesOf(spec)?.duplicates,
  }),
  hours: derived(positive().optional(), {
    about: 'Length of the synthetic home',
    otherwise: '24, quick: 6, live: 1',
    study: 'dataset',
    example: 3,
    given: (spec) => homeOf(spec)?.hours,
  }),
  profiles: derived(z.string().optional(), {
    about: 'Generate the synthetic home from these device profiles (homeveil home fit)',
    study: 'dataset',
    isPath,
    example: 'profiles.json',
    given: (spec) => homeOf(spec)?.profiles,
  }),
  split: derived(oneOf(['auto', 'time', 'file']).default('auto'), {
    about: 'How data is cut in two; auto is file with labels by folder, else time',
    study: 'dataset',
    example: 'file',
    needs: { data: ['captures'], labels: 'file' },
    given: ({ split }) => (split.by === 'paths' ? null : split.by),
  }),
  trainShare: derived(z.number(LESS_THAN_1).gt(0, LESS_THAN_1).lt(1, LESS_THAN_1).default(0.6), shareOfTraining),
  gap: derived(positive().optional(), {
    about: 'Hours left out between training and test part, in a split by time',
    otherwise: 'none',
    study: 'dataset',
    example: 12,
    given: ({ split }) => split.gap,
  }),
  view: derived(z.string().default('napt'), {
    about: 'What the observer sees: lan, napt, vpn',
    study: { axis: 'views' },
    example: 'vpn:tunnel=openvpn',
    given: ({ view }) => view.label,
  }),
  attacks: derived(z.array(z.string()).default(['strongest']), {
    flag: 'attack',
    about: 'Attacks, name or name:key=value,...; strongest: those that no other beats in this view',
    example: ['lstm', 'random-forest:trees=50'],
    given: (spec) => spec.attacks.map(({ label }) => label),
  }),
  // Enough to see what padding and jitter change, and at what price.
  defenses: derived(z.array(z.string()).default(['none', 'pad:rule=mtu', 'pad:rule=random', 'jitter']), {
    flag: 'defense',
    about: 'Defenses, name:key=value,...; a+b composes',
    studyDefault: ['none'],
    example: ['none', 'pad:rule=mtu+jitter'],
    given: (spec) => spec.defenses.map(({ label }) => label),
  }),
  adversaries: derived(z.array(oneOf(['static', 'adaptive', 'transfer'])).default(['static', 'adaptive']), {
    flag: 'adversary',
    about: 'What the attacker knows; transfer: trained on each other defense',
    example: ['adaptive', 'transfer'],
    given: ({ adversaries, transfer }) => [...adversaries, ...(transfer ? ['transfer'] : [])],
  }),
  unknown: derived(heldOut.optional(), {
    about: 'Open world: devices held out from training, names, or how many each seed holds out in turn',
    study: 'dataset',
    example: 2,
    given: ({ unknown }) => unknown,
  }),
  ...settings,
  capacity: derived(positive().nullable().default(null), {
    about: 'Mbit/s of the link behind the defense',
    otherwise: 'no limit',
    study: { axis: 'capacities' },
    example: 12.5,
    given: ({ capacity }) => capacity && capacity / 1e6,
  }),
  live: derived(z.boolean().default(false), {
    about: 'Traffic over real sockets in network namespaces, defended and captured there, in place of simulated',
    study: 'dataset',
    example: true,
    given: (spec) => spec.live !== undefined,
  }),
  // Beyond that, processes and timers take more of the home's time than its devices do.
  speed: derived(positive().max(100, 'expected at most 100').optional(), {
    about: 'With live: seconds of the home in one of the clock',
    otherwise: 'as many as its defenses allow',
    study: 'dataset',
    example: 5,
    needs: { live: true },
    given: (spec) => spec.live?.speed,
  }),
  quick: derived(z.boolean().default(false), {
    about: 'Less data, for a first look',
    example: true,
    given: () => false,
  }),
});

/** The request for training a model: one attack, which knows its one defense. A `trainShare` of 1 trains on all data. */
export const trainRequest = benchRequest
  .omit({ attacks: true, defenses: true, adversaries: true, unknown: true, seeds: true, live: true, speed: true })
  .extend({
    trainShare: derived(z.number(AT_MOST_1).gt(0, AT_MOST_1).lte(1, AT_MOST_1).default(0.6), shareOfTraining),
    attack: derived(z.string().default('random-forest'), {
      about: 'Attack, name or name:key=value,...',
      example: 'lstm',
      given: (spec) => spec.attacks[0]?.label,
    }),
    defense: derived(z.string().default('none'), {
      about: 'Defense that the traffic is under: a+b composes',
      example: 'pad',
      given: (spec) => spec.defenses[0]?.label,
    }),
  });

/** The request for the windows that an attack would get. A `trainShare` of 1 gives no test part. */
export const windowsRequest = trainRequest.extend({
  attack: derived(z.string().default('window-forest'), {
    about: 'Attack whose windows these are, name or name:key=value,...',
    example: 'random-forest',
    given: (spec) => spec.attacks[0]?.label,
  }),
});

export type BenchRequest = DeepReadonly<z.input<typeof benchRequest>>;
export type TrainRequest = DeepReadonly<z.input<typeof trainRequest>>;
export type WindowsRequest = DeepReadonly<z.input<typeof windowsRequest>>;

/** One option of a request, and how to ask for it. */
export interface NamedOption extends Option, Partial<Pick<Derived, 'given'>> {
  readonly key: string;
  readonly flag: string;
  readonly type: z.ZodType;
}

/** The options of a request, in the order of its schema. */
export function optionsOf({ shape }: z.ZodObject): NamedOption[] {
  return Object.entries(shape as Record<string, z.ZodType>).map(([key, type]) => {
    const text = textOf<Option>(type);
    const kebab = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return { ...text, key, type, flag: text.flag ?? kebab };
  });
}

/** The list of texts that an option is, or may be; null for an option with a single value. */
export function listOf(type: z.ZodType): z.ZodArray<z.ZodType> | null {
  if (type instanceof z.ZodArray) return type as z.ZodArray<z.ZodType>;
  if (type instanceof z.ZodUnion) return (type.options as z.ZodType[]).map(listOf).find((one) => one !== null) ?? null;
  const inner = innerOf(type);
  return inner === type ? null : listOf(inner);
}

/** Unwraps defaults, optional values and the like; any other type is returned as it is. */
export function innerOf(type: z.ZodType): z.ZodType {
  const wraps = [z.ZodOptional, z.ZodDefault, z.ZodNullable].some((kind) => type instanceof kind);
  return wraps ? ((type as z.ZodOptional).unwrap() as z.ZodType) : type;
}

/**
 * Checks a request against its schema and fills in the constant defaults.
 * @throws UsageError for the first option that is unknown, of another type or out of bounds
 */
export function checkRequest<S extends z.ZodObject>(schema: S, request: object): z.output<S> {
  const known = optionsOf(schema);
  const unknown = Object.keys(request).find((key) => !Object.hasOwn(schema.shape, key));
  if (unknown !== undefined) {
    throw new UsageError(`unknown option "${unknown}"${suggestion(unknown, Object.keys(schema.shape))}`);
  }
  return checked(schema, request, ([key]) => `--${known.find((one) => one.key === key)!.flag}`);
}
