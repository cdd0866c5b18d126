import { readdirSync } from 'node:fs';
import { buildWindows } from '../../learning/build-windows.js';
import { PACKET_COLUMNS } from '../../learning/model-input.js';
import { windowArrays } from '../../learning/window-arrays.js';
import {
  type DescribedColumn,
  packetTable,
  packetTableColumns,
  windowTable,
  windowTableColumns,
} from '../../learning/window-tables.js';
import type { Windows } from '../../learning/windows.js';
import type { ResolvedSpec } from '../../result/result.js';
import { UsageError } from '../../shared/errors.js';
import { checkWritable, statIfThere, writeFolderAtomic } from '../../shared/files.js';
import { hasCover } from '../../trace/trace.js';
import { createLoader, openData } from '../dataset.js';
import { describeTool } from '../environment.js';
import { createSeedRun, type RunOptions, trainingWindows } from '../seed-run.js';
import { appliedView, windowingOf } from '../setting.js';

const DESCRIPTION = 'windows.json';
const ENTRIES = [DESCRIPTION, 'README.txt', 'train', 'test'];

/** The windows that an attack would get, and what they are. */
export interface ExportedWindows {
  readonly description: WindowsDescription;
  /** Files by their path within the folder. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly warnings: readonly string[];
}

/** `windows.json`. */
export interface WindowsDescription {
  readonly windows: 1;
  readonly tool: ReturnType<typeof describeTool>;
  readonly data: { readonly name: string; readonly sha256: string; readonly synthetic: boolean };
  readonly attack: string;
  readonly view: string;
  readonly defense: string;
  readonly split: ResolvedSpec['split'];
  readonly seed: number;
  /** Names, in the order of the numbers in `labels.npy`. */
  readonly classes: readonly string[];
  /** How the traffic is cut. `size`, `stride` (training) and `step` (test) are in `unit`. */
  readonly cut: {
    readonly streams: string;
    readonly unit: 'packets' | 'seconds';
    readonly size: number;
    readonly stride: number;
    readonly step: number;
  };
  /** Null where the split leaves nothing for it. */
  readonly parts: Readonly<Record<'train' | 'test', { readonly packets: number; readonly windows: number } | null>>;
  readonly columns: Readonly<Record<string, readonly DescribedColumn[]>>;
}

/**
 * Makes the windows on which the one attack of `spec` would be trained and tested under its one defense, both parts with labels. An attack
 * that validates gets the end of the training part apart; here it is not divided. Writes nothing.
 * @param spec of resolveWindows
 * @throws UsageError, InputError
 */
export async function exportWindows(
  spec: ResolvedSpec,
  { plugins, onProgress }: Pick<RunOptions, 'plugins' | 'onProgress'>,
): Promise<ExportedWindows> {
  const view = appliedView(spec, plugins);
  const [attack, defense] = [spec.attacks[0]!, spec.defenses[0]!];
  const cut = windowingOf(spec, view, attack, plugins);
  const { parts, summary, warnings } = await openData(spec, view, createLoader([spec], { onProgress, plugins }));
  const tell = (done: number, detail: string) =>
    onProgress?.({ task: 'windows', done, total: 2, unit: 'parts', detail });
  tell(0, 'train');
  const seedRun = createSeedRun(spec, view, parts, spec.seed, plugins);
  const { trace } = (await seedRun.defend(defense, 'train')).defended;
  const labels = { classes: parts.classes, coverClass: hasCover(trace) };
  const train = trainingWindows(trace, { ...cut, ...labels }, spec);
  const step = cut.step ?? cut.size;
  const files = filesOf('train', train);
  let test: Windows | null = null;
  if (parts.test.packets > 0) {
    tell(1, 'test');
    const { defended } = await seedRun.defend(defense, 'test');
    test = buildWindows(defended.trace, { ...cut, ...labels, stride: step }).windows;
    Object.assign(files, filesOf('test', test));
  }
  const { columns } = windowArrays(train, false);
  const named = columns.map((name) => ({ name }));
  const inTable = windowTableColumns(named);
  const description: WindowsDescription = {
    windows: 1,
    tool: describeTool(),
    data: { name: summary.name, sha256: summary.sha256, synthetic: summary.synthetic },
    attack: attack.label,
    view: spec.view.label,
    defense: defense.label,
    split: spec.split,
    seed: spec.seed,
    classes: train.classes,
    cut: { streams: cut.mix, unit: cut.unit ?? 'packets', size: cut.size, stride: cut.stride, step },
    parts: { train: sizeOf(train), test: test && sizeOf(test) },
    columns: {
      'packets.arrow': packetTableColumns(train),
      'windows.arrow': inTable,
      'packets.npy': PACKET_COLUMNS,
      // Without start and count before, and the label behind.
      'windows.npy': inTable.slice(2, -1),
    },
  };
  files[DESCRIPTION] = `${JSON.stringify(description, null, 2)}\n`;
  files['README.txt'] = readme(description);
  return { description, files, warnings };
}

const sizeOf = ({ packets, start }: Windows) => ({ packets: packets.rows, windows: start.length });

function filesOf(part: 'train' | 'test', windows: Windows): Record<string, Uint8Array | string> {
  const tables = { 'packets.arrow': packetTable(windows), 'windows.arrow': windowTable(windows) };
  const all = { ...tables, ...windowArrays(windows, true).files };
  return Object.fromEntries(Object.entries(all).map(([name, bytes]) => [`${part}/${name}`, bytes]));
}

/**
 * Checks that windows can be written to `path`, before anyone waits for them.
 * @throws UsageError for a file, or a folder with anything in it but windows: that would be lost; InputError where nothing can be written
 */
export function checkWindowsPath(path: string): void {
  const there = statIfThere(path);
  if (there && !there.isDirectory()) throw new UsageError(`${path}: expected a folder for windows, found a file`);
  const found = there ? readdirSync(path) : [];
  const other = found.find((name) => !ENTRIES.includes(name));
  if (other !== undefined || (found.length > 0 && !found.includes(DESCRIPTION))) {
    throw new UsageError(
      `${path}: expected a new folder, an empty one or one of windows, found "${other ?? found[0]}" in it`,
    );
  }
  checkWritable(path, 'folder');
}

/**
 * Writes windows as a folder, in place of windows that are there. It appears when it is whole.
 * @throws as {@link checkWindowsPath}; InputError where it cannot be written
 */
export function writeWindows(path: string, { files }: ExportedWindows): void {
  checkWindowsPath(path);
  writeFolderAtomic(path, files);
}

function readme({ data, attack, view, defense, seed, classes, cut, parts, columns }: WindowsDescription): string {
  const list = (of: readonly DescribedColumn[]) => of.map(({ name, unit }) => `  ${name}: ${unit}`);
  const sizes = Object.entries(parts).map(([name, size]) =>
    size === null ? `  ${name}: none` : `  ${name}/: ${size.windows} windows over ${size.packets} packets`,
  );
  return [
    `Windows of ${data.name}, as the attack ${attack} gets them.`,
    `View ${view}, defense ${defense}, seed ${seed}.`,
    `Windows of ${cut.size} ${cut.unit} from streams "${cut.streams}", every ${cut.stride} in train and every ${cut.step} in test.`,
    '',
    ...sizes,
    '',
    'Classes, by their numbers in labels.npy and packet-labels.npy (-1: none):',
    ...classes.map((name, i) => `  ${i}: ${name}`),
    '',
    'packets.arrow, one row a packet:',
    ...list(columns['packets.arrow']!),
    '',
    'windows.arrow, one row a window:',
    ...list(columns['windows.arrow']!),
    '',
    'The .npy files have the same as numbers: packets.npy (float32: port to interval), time.npy (float64), windows.npy (float32: without',
    'start, count and label), start.npy, count.npy, streams.npy (row after the last of each stream), labels.npy, packet-labels.npy (int32).',
    'windows.json has all of this for programs.',
    '',
  ].join('\n');
}
