import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Identifier } from '../../learning/attack.js';
import { FEATURE_VERSION } from '../../learning/windows.js';
import { type ModelCard, parseCard } from '../../result/model-card.js';
import { InputError, UsageError } from '../../shared/errors.js';
import { checkWritable, recoverFolder, statIfThere, writeFolderAtomic } from '../../shared/files.js';
import { sha256 } from '../../shared/hash.js';
import { builtIns, type Registry } from '../plugins/registry.js';

const MODEL = 'model.onnx';
const CARD = 'card.json';

/** A model as it is kept. */
export interface SavedModel {
  readonly card: ModelCard;
  readonly onnx: Uint8Array;
}

/** A model that can be used. */
export interface LoadedModel {
  readonly path: string;
  readonly card: ModelCard;
  readonly identifier: Identifier;
}

export interface OpenOptions {
  /** Where the model's attack is looked up; by default among what is built in. */
  readonly plugins?: Registry;
  readonly threads: number;
  readonly onWarning?: (message: string) => void;
}

/**
 * Checks that a model can be saved at `path`, before anyone waits for one.
 * @throws UsageError for a file, or a folder with anything in it but a model: that would be lost; InputError where nothing can be
 * written there.
 */
export function checkModelPath(path: string): void {
  const there = statIfThere(path);
  if (there && !there.isDirectory()) throw new UsageError(`${path}: expected a folder for the model, found a file`);
  const other = there && readdirSync(path).find((name) => name !== MODEL && name !== CARD);
  if (other !== undefined) {
    throw new UsageError(`${path}: expected a new folder, an empty one or a model's, found "${other}" in it`);
  }
  checkWritable(path, 'folder');
}

/**
 * Writes a model as a folder of two files, in place of a model that is there. The folder appears when it is whole: no half of a
 * model is ever left.
 * @throws as {@link checkModelPath}; InputError where it cannot be written.
 */
export function saveModel(path: string, { card, onnx }: SavedModel): void {
  checkModelPath(path);
  writeFolderAtomic(path, { [MODEL]: onnx, [CARD]: `${JSON.stringify(card, null, 2)}\n` });
}

/**
 * Opens a model that {@link saveModel} wrote.
 * @throws InputError where a part is missing or damaged, or the model is of a version that this one does not know.
 */
export async function loadModel(path: string, { plugins = builtIns, ...options }: OpenOptions): Promise<LoadedModel> {
  recoverFolder(path);
  const read = (name: string) => {
    try {
      return readFileSync(join(path, name));
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : (cause as Error).message;
      throw new InputError(`${path}: expected a model, a folder with ${MODEL} and ${CARD}, found ${reason}`, { cause });
    }
  };
  const card = parseCard(read(CARD).toString('utf8'), join(path, CARD));
  const onnx = read(MODEL);
  const where = join(path, MODEL);
  if (card.features.version !== FEATURE_VERSION) {
    throw new InputError(
      `${path}: expected a model of version ${FEATURE_VERSION} of the packet features, found ${card.features.version}: train it again`,
    );
  }
  if (sha256(onnx) !== card.model.sha256) {
    throw new InputError(
      `${where}: expected the model that ${CARD} describes (${card.model.bytes} bytes, SHA-256 ${card.model.sha256.slice(0, 12)}…), found another or a damaged one (${onnx.length} bytes)`,
    );
  }
  const attack = plugins.attacks.find(({ name }) => name === card.attack.name);
  if (!attack?.open) {
    const hint = card.plugins.map(({ path }) => `; it was trained with --plugin ${path}`).join('');
    throw new InputError(
      `${path}: expected a model of an attack that is known here, found "${card.attack.name}"${hint}`,
    );
  }
  const classes = card.classes.map(({ name }) => name);
  return { path, card, identifier: await attack.open(onnx, where, { classes, ...options }) };
}
