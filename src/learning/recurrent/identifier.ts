import type { Identifier } from '../attack.js';
import type { OnWarning } from '../onnx/runtime.js';
import { createEngine, type EngineName } from './create-engine.js';
import type { Engine } from './engine.js';
import { predictPackets, type RecurrentModel } from './model.js';
import { encodeRecurrentModel } from './model-file.js';

export interface IdentifierOptions {
  readonly engine: EngineName;
  readonly device: 'cpu' | 'cuda';
  readonly threads: number;
  readonly onWarning?: OnWarning;
}

/** An identifier with its model, for saving. */
export interface RecurrentIdentifier extends Identifier {
  readonly model: RecurrentModel;
}

/** Runs a trained model. The engine starts with the first prediction and is kept for later ones. */
export function createIdentifier(
  model: RecurrentModel,
  { engine: name, ...options }: IdentifierOptions,
  insight?: Readonly<Record<string, number>>,
): RecurrentIdentifier {
  let engine: Promise<Engine> | undefined;
  const start = async () => {
    const unused = { time: model.size, batch: 1, dropout: 0, clipNorm: 1 };
    const started = await createEngine(name, { ...options, ...unused, shape: model.shape });
    started.setParameters(model.parameters);
    return started;
  };
  return {
    model,
    insight,
    save: () => ({ onnx: encodeRecurrentModel(model), encoding: { ...model.encoding } }),
    async predict(windows) {
      engine ??= start();
      return predictPackets(await engine, model, windows);
    },
  };
}
