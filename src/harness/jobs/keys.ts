import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ResolvedPlugin, ResolvedSpec } from '../../result/result.js';
import { statIfThere } from '../../shared/files.js';
import { sha256 } from '../../shared/hash.js';
import { labellingOf } from '../../trace/labels/label-file.js';
import { expandPaths } from '../../trace/read/paths.js';
import type { CacheKey } from '../cache.js';
import type { Item, Job } from './plan.js';

/** All that the value of an item depends on. `dataset` is the hash of the traffic. */
export function itemKey(spec: ResolvedSpec, dataset: string, { kind, defense, ...item }: Item): CacheKey {
  const trainedOn = 'trainedOn' in item ? item.trainedOn : undefined;
  const attack = 'attack' in item ? item.attack : undefined;
  return {
    ...item,
    step: kind,
    defense: defense.parts,
    // The label names the streams of chance.
    label: defense.label,
    files: hashNamedFiles([...defense.parts, ...(trainedOn?.parts ?? []), ...(attack ? [attack] : [])]),
    ...settingKey(spec, dataset),
  };
}

/** All that a trained model depends on. */
export function modelKey(
  spec: ResolvedSpec,
  dataset: string,
  { attack, trainedOn }: NonNullable<Job['model']>,
  seed: number,
): CacheKey {
  return {
    step: 'model',
    seed,
    attack,
    trainedOn,
    files: hashNamedFiles([...trainedOn.parts, attack]),
    ...settingKey(spec, dataset),
  };
}

/** What any number of a setting depends on. */
function settingKey(spec: ResolvedSpec, dataset: string): CacheKey {
  const { data, split, view, mix, window, stride, port, minimumPackets, maximumTrainPackets, capacity, unknown } = spec;
  const setting = { split, view, mix, window, stride, port, minimumPackets, maximumTrainPackets, capacity, unknown };
  return { setting, plugins: spec.plugins.map((plugin) => plugin.sha256), data, dataset };
}

/**
 * What the data of a setting depends on, the content of its files included.
 * @throws InputError where a path does not exist
 */
export async function dataKey(spec: ResolvedSpec): Promise<CacheKey> {
  const { data, split, view, mix, seed, minimumPackets, unknown } = spec;
  const files =
    data.kind === 'synthetic'
      ? [data.profiles]
      : [...(await expandPaths(data.paths)), labellingOf(data.labels) ? undefined : data.labels];
  const hashes: (string | null)[] = [];
  for (const file of files) if (file !== undefined) hashes.push(await hashFile(file));
  return { step: 'data', data, split, view, mix, seed, minimumPackets, unknown, hashes };
}

/** SHA-256 of a file of any size; null where it cannot be read, of which whoever needs it will tell. */
async function hashFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  } catch {
    return null;
  }
  return hash.digest('hex');
}

/** SHA-256 of each file that a parameter names. */
function hashNamedFiles(plugins: readonly ResolvedPlugin[]): Record<string, string>[] {
  return plugins.map(({ parameters }) => {
    const hashes: Record<string, string> = {};
    for (const [name, value] of Object.entries(parameters)) {
      if (typeof value !== 'string' || !statIfThere(value)?.isFile()) continue;
      hashes[name] = sha256(readFileSync(value));
    }
    return hashes;
  });
}
