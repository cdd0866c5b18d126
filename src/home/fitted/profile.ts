import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { describeIssue, firstIssue } from '../../shared/issues.js';
import { readText } from '../../shared/text.js';
import { PROTOCOL_NAMES } from '../../trace/trace.js';

/** Version of the format. Raise it with any change that older versions of the tool would misread. */
const PROFILES_VERSION = 2;

/** Identifies the file to people and to {@link parseProfiles}. */
const KIND = 'homeveil device profiles';

const MAX_GAP_SECONDS = 366 * 86_400;

/** Points of a cumulative curve, as in {@link Distribution}. */
const distribution = (value: z.ZodNumber) =>
  z
    .array(z.tuple([z.number().min(0).max(1), value]))
    .min(1)
    .max(64)
    .refine(
      (points) => points.every(([level, x], i) => i === 0 || (level >= points[i - 1]![0] && x >= points[i - 1]![1])),
      {
        error: 'expected levels and values in ascending order',
      },
    )
    .refine((points) => points[0]?.[0] === 0 && (points.length === 1 || points.at(-1)![0] === 1), {
      error: 'expected levels from 0 to 1',
    });

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const positive = count.min(1);
const port = z.int().min(0).max(65_535);
const time = z
  .number()
  .min(0)
  .max(2 ** 32);

/** The remote end of a flow, anonymised: no address and no name, only reach and ports. */
const serviceSchema = z.strictObject({
  /** A label for people. */
  name: z.string(),
  /** IP protocol number; 0 for frames without IP. */
  transport: z.int().min(0).max(255),
  /** 0 for frames without IP. */
  ipVersion: z.union([z.literal(0), z.literal(4), z.literal(6)]),
  reach: z.enum(['internet', 'lan', 'group', 'link']),
  /** Null where it varies between flows. */
  remotePort: port.nullable(),
  localPort: port.nullable(),
  linkHeaderBytes: z.int().min(0).max(255),
  /** Share of the flows to each remote host, by the number of the host. */
  hostShares: z.array(z.number().min(0).max(1)).min(1).max(64),
});

/** A kind of packet. */
const kindSchema = z.strictObject({
  /** Index into `services`. */
  service: count,
  direction: z.enum(['out', 'in']),
  /** Frame length: one value, or the distribution of many. */
  bytes: distribution(z.number().min(14).max(65_549)),
  protocols: z.array(z.enum(PROTOCOL_NAMES)).min(1),
  /** The packet's flow: a new one, or the service's last used (0), the one used before that (1), and so on. */
  flow: z.union([z.literal('new'), z.int().min(0).max(7)]),
});

/**
 * A context of a Markov chain. `after` holds indices of packets or classes, the oldest first; `next` holds pairs of an index that follows
 * and its weight, about its frequency.
 */
const contextSchema = z.strictObject({
  after: z.array(count).max(64),
  next: z.array(z.tuple([count, z.number().positive().max(Number.MAX_SAFE_INTEGER)])).min(1),
});

/** A packet of a kind, after a kind of gap. */
const packetSchema = z.strictObject({
  /** Index into `kinds`. */
  kind: count,
  /** Time since the previous packet of any kind; by the channel's rhythm where `rhythmic`. */
  gapSeconds: distribution(z.number().min(0).max(MAX_GAP_SECONDS)),
  rhythmic: z.literal(true).optional(),
  /**
   * The packet that this one is timed by, if any: the last of a kind, mostly its own, or the last but one (`back` 2). `gapSeconds` then
   * gives only the bounds.
   */
  clock: z
    .strictObject({
      kind: count,
      back: z.int().min(1).max(8),
      seconds: distribution(z.number().min(0).max(MAX_GAP_SECONDS)),
    })
    .optional(),
  /**
   * Correlation of successive times of this packet, as normal scores. Left out for 0, where each is drawn independently; near 1 where
   * the time drifts.
   */
  persistence: z.number().min(-0.999).max(0.9999).optional(),
  /** A Markov chain over equal classes of the time's distribution, in place of `persistence` where that describes too little. */
  levels: z.strictObject({ classes: z.int().min(2).max(64), contexts: z.array(contextSchema).min(1) }).optional(),
  /**
   * Factors of the frequency in the contexts, by the time since this packet, or any of its kind, last came. `seconds` are the cuts
   * between the `factors`.
   */
  recurrence: z
    .strictObject({
      of: z.enum(['packet', 'kind']),
      seconds: z.array(z.number().min(0)).max(32),
      factors: z.array(z.number().min(0.001).max(1000)).min(1).max(33),
    })
    .refine(({ seconds, factors }) => factors.length === seconds.length + 1, {
      error: 'expected one factor more than seconds',
    })
    .optional(),
  /** Number of times it was seen. */
  count: positive,
});

/**
 * Packets of services that go together (a look-up and the connection after it), as one sequence: a variable-order Markov chain.
 * The longest context that fits the previous packets determines the next.
 */
const channelSchema = z.strictObject({
  packetsPerHour: z.number().min(0),
  /** Speed of the channel's clock in each hour of the day, UTC, 1 on average; null without a daily rhythm. */
  rhythm: z.array(z.number().min(0.001).max(24)).length(24).nullable(),
  kinds: z.array(kindSchema).min(1).max(65_535),
  packets: z.array(packetSchema).min(1).max(65_535),
  contexts: z.array(contextSchema).min(1),
});

const deviceSchema = z.strictObject({
  name: z.string().min(1),
  category: z.enum(['iot', 'non-iot']),
  /** Packets in the fitted trace. */
  packets: positive,
  services: z.array(serviceSchema).min(1).max(256),
  channels: z.array(channelSchema).min(1).max(256),
});

const profilesSchema = z.strictObject({
  kind: z.literal(KIND),
  schemaVersion: z.literal(PROFILES_VERSION),
  tool: z.strictObject({ name: z.literal('homeveil'), version: z.string(), commit: z.string().nullable() }),
  /** The traffic that the profiles were fitted to. */
  data: z.strictObject({
    name: z.string(),
    /** Hash of the labelled trace. */
    sha256: z.string(),
    packets: positive,
    /** Seconds since the Unix epoch of the first and the last packet. */
    fromSeconds: time,
    toSeconds: time,
    /** Captured time: pauses between files are not counted. */
    capturedSeconds: z.number().positive(),
  }),
  devices: z.array(deviceSchema).min(1).max(4096),
});

export type FittedService = z.output<typeof serviceSchema>;
export type FittedKind = z.output<typeof kindSchema>;
export type FittedPacket = z.output<typeof packetSchema>;
export type FittedContext = z.output<typeof contextSchema>;
export type FittedChannel = z.output<typeof channelSchema>;
export type FittedDevice = z.output<typeof deviceSchema>;
/** The file that `homeveil home fit` writes: a model of each device's traffic, without payloads and without addresses. */
export type Profiles = z.output<typeof profilesSchema>;

/** Makes the document of fitted devices. */
export function profilesOf(parts: Pick<Profiles, 'tool' | 'data' | 'devices'>): Profiles {
  return { kind: KIND, schemaVersion: PROFILES_VERSION, ...parts };
}

/** @throws InputError as {@link parseProfiles}, and for a file that cannot be read */
export function readProfiles(path: string): Profiles {
  return parseProfiles(readText(path), path);
}

/**
 * Reads the text of a profile file; `where` begins each message.
 * @throws InputError with the place, for a file that is no profile file, has a newer version, or is damaged
 */
export function parseProfiles(text: string, where: string): Profiles {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${where}: expected profiles as JSON: ${(cause as Error).message}`, { cause });
  }
  const { kind, schemaVersion } = (data ?? {}) as { kind?: unknown; schemaVersion?: unknown };
  if (kind !== KIND) {
    throw new InputError(
      `${where}: expected profiles that homeveil home fit wrote, found none ("kind" is not "${KIND}")`,
    );
  }
  if (typeof schemaVersion === 'number' && schemaVersion > PROFILES_VERSION) {
    throw new InputError(
      `${where}: expected profiles of version ${PROFILES_VERSION}, found ${schemaVersion}: made by a newer homeveil`,
    );
  }
  if (typeof schemaVersion === 'number' && schemaVersion < PROFILES_VERSION) {
    throw new InputError(
      `${where}: expected profiles of version ${PROFILES_VERSION}, found ${schemaVersion}: made by an older homeveil; run homeveil home fit again`,
    );
  }
  const parsed = profilesSchema.safeParse(data);
  if (!parsed.success) throw new InputError(`${where}: ${describeIssue(firstIssue(parsed.error))}`);
  checkReferences(parsed.data, where);
  return parsed.data;
}

/** Finds indices out of range, which the schema cannot check. */
function checkReferences({ devices }: Profiles, where: string): void {
  const names = new Set<string>();
  for (const [d, device] of devices.entries()) {
    if (names.has(device.name)) throw new InputError(`${where}: devices.${d}.name: "${device.name}" is there twice`);
    names.add(device.name);
    for (const [c, { kinds, packets, contexts }] of device.channels.entries()) {
      const place = `${where}: devices.${d}.channels.${c}`;
      const check = (index: number, length: number, path: string, what: string) => {
        if (index >= length)
          throw new InputError(`${place}.${path}: expected one of ${length} ${what}, found ${index}`);
      };
      for (const [k, kind] of kinds.entries()) {
        check(kind.service, device.services.length, `kinds.${k}.service`, 'services');
      }
      const checkContexts = (contexts: readonly FittedContext[], path: string, length: number, what: string) => {
        for (const [k, { after, next }] of contexts.entries()) {
          for (const index of after) check(index, length, `${path}.${k}.after`, what);
          for (const [index] of next) check(index, length, `${path}.${k}.next`, what);
        }
        if (!contexts.some(({ after }) => after.length === 0)) {
          throw new InputError(`${place}.${path}: expected one after nothing, found none`);
        }
      };
      for (const [p, { kind, clock, levels }] of packets.entries()) {
        check(kind, kinds.length, `packets.${p}.kind`, 'kinds');
        if (clock) check(clock.kind, kinds.length, `packets.${p}.clock.kind`, 'kinds');
        if (levels) checkContexts(levels.contexts, `packets.${p}.levels.contexts`, levels.classes, 'classes');
      }
      checkContexts(contexts, 'contexts', packets.length, 'packets');
    }
  }
}

/** JSON with short values on one line; otherwise each number of an array would have its own line. */
export function formatProfiles(profiles: Profiles): string {
  const format = (value: unknown, indent: string): string => {
    const flat = JSON.stringify(value);
    if (flat.length + indent.length <= 140 || typeof value !== 'object' || value === null) return flat;
    const inner = `${indent} `;
    const parts = Array.isArray(value)
      ? value.map((item) => format(item, inner))
      : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${format(item, inner)}`);
    const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
    return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
  };
  return `${format(profiles, '')}\n`;
}
