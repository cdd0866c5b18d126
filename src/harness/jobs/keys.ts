import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ResolvedPlugin, ResolvedSpec } from '../../result/result.js';
import { isFile } from '../../shared/files.js';
import { sha256 } from '../../shared/hash.js';
import { labellingOf } from '../../trace/labels/label-file.js';
import { expandPaths } from '../../trace/read/paths.js';
import type { ColumnName } from '../../trace/seen.js';
import type { CacheKey } from '../cache.js';
import type { Item, Job } from './plan.js';

/** Keys of the resolved spec that no kept value depends on, and why. All others are in every key. */
export const WITHOUT_EFFECT = {
  attacks: 'the key of a value names its own attack',
  defenses: 'the key of a value names its own defenses',
  adversaries: 'the key of a value names its own adversary',
  transfer: 'asks for more values, and changes none',
  seeds: 'asks for more values, and changes none',
  seed: 'the key of a value names its own seed; the traffic of the first seed is in the hash of the dataset',
} as const satisfies Partial<Record<keyof ResolvedSpec, string>>;

/** Hashes of the traffic of a setting. */
export interface TrafficHashes {
  readonly plain: string;
  /** With the columns that an attack sees beyond packets and addresses, by the name of the attack; only of attacks that see some. */
  readonly seenBy: Readonly<Record<string, string>>;
}

/** The hash of all that an attack is shown, whatever others are. */
const hashFor = ({ plain, seenBy }: TrafficHashes, attack?: ResolvedPlugin) => (attack && seenBy[attack.name]) ?? plain;

/** Gives the key of an item: all that its value depends on. */
export function itemKey(spec: ResolvedSpec, hashes: TrafficHashes, { kind, defense, ...item }: Item): CacheKey {
  const trainedOn = 'trainedOn' in item ? item.trainedOn : undefined;
  const attack = 'attack' in item ? item.attack : undefined;
  return {
    ...item,
    step: kind,
    defense: defense.parts,
    // The label names the streams of chance.
    label: defense.label,
    files: hashNamedFiles([...defense.parts, ...(trainedOn?.parts ?? []), ...(attack ? [attack] : []), spec.view]),
    ...settingKey(spec),
    dataset: hashFor(hashes, attack),
  };
}

/** Gives the key of a trained model: all that it depends on. */
export function modelKey(
  spec: ResolvedSpec,
  hashes: TrafficHashes,
  { attack, trainedOn }: NonNullable<Job['model']>,
  seed: number,
): CacheKey {
  return {
    step: 'model',
    seed,
    attack,
    trainedOn,
    files: hashNamedFiles([...trainedOn.parts, attack, spec.view]),
    ...settingKey(spec),
    dataset: hashFor(hashes, attack),
  };
}

/** Gives the part of a key that all values of a setting share: the spec less {@link WITHOUT_EFFECT}, and plug-ins by their content. */
function settingKey(spec: ResolvedSpec): CacheKey {
  const kept = Object.entries(spec).filter(([key]) => !Object.hasOwn(WITHOUT_EFFECT, key));
  return { setting: { ...Object.fromEntries(kept), plugins: spec.plugins.map((plugin) => plugin.sha256) } };
}

/**
 * Gives the key of the data of a setting: all that it depends on, the content of its files included.
 * @param columns of columnsByAttack
 * @throws InputError where a path does not exist
 */
export async function dataKey(
  spec: ResolvedSpec,
  columns: Readonly<Record<string, readonly ColumnName[]>>,
): Promise<CacheKey> {
  const { data, seed } = spec;
  const files =
    data.kind === 'synthetic'
      ? [data.profiles]
      : [...(await expandPaths(data.paths)), labellingOf(data.labels) ? undefined : data.labels];
  const hashes: (string | null)[] = [];
  for (const file of files) if (file !== undefined) hashes.push(await hashFile(file));
  // The view draws with the first seed.
  const seen = Object.keys(columns).length > 0 && { columns };
  return { step: 'data', seed, ...settingKey(spec), ...seen, files: hashNamedFiles([spec.view]), hashes };
}

/** Gives the SHA-256 of a file of any size; null where it cannot be read, which its reader reports. */
async function hashFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  } catch {
    return null;
  }
  return hash.digest('hex');
}

/** Gives the SHA-256 of each file that a parameter names, as a whole or as a word of it: `python3 attack.py`. */
function hashNamedFiles(plugins: readonly ResolvedPlugin[]): Record<string, string>[] {
  return plugins.map(({ parameters }) => {
    const hashes: Record<string, string> = {};
    for (const [name, value] of Object.entries(parameters)) {
      if (typeof value !== 'string') continue;
      const words = value.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [];
      for (const word of [value, ...words.map((one) => one.replaceAll(/["']/g, ''))]) {
        if (isFile(word)) hashes[`${name}=${word}`] = sha256(readFileSync(word));
      }
    }
    return hashes;
  });
}
