import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Identifier } from '../../learning/attack.js';
import { FEATURE_VERSION } from '../../learning/windows.js';
import { type ModelCard, parseCard } from '../../result/model-card.js';
import { InputError, UsageError } from '../../shared/errors.js';
import { checkWritable, recoverFolder, statIfThere, writeFolderAtomic } from '../../shared/files.js';
import { sha256 } from '../../shared/hash.js';
import type { AppliedView } from '../../view/observe.js';
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
  /** The view that it was trained in. */
  readonly view: AppliedView;
}

export interface OpenOptions {
  /** Plug-ins among which the model's attack and view are looked up; by default those built in. */
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
  const unknown = (what: string, name: string) => {
    const hint = card.plugins.map((plugin) => `; it was trained with --plugin ${plugin.path}`).join('');
    return new InputError(`${path}: expected a model of ${what} that is known here, found "${name}"${hint}`);
  };
  const attack = plugins.attacks.find(({ name }) => name === card.attack.name);
  if (!attack?.open) throw unknown('an attack', card.attack.name);
  const view = plugins.views.find(({ name }) => name === card.view.name);
  if (!view) throw unknown('a view', card.view.name);
  const classes = card.classes.map(({ name }) => name);
  const identifier = await attack.open(onnx, where, { classes, ...options });
  return { path, card, identifier, view: { view, parameters: card.view.parameters } };
}
