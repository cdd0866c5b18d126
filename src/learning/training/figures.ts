import type { OnWarning } from '../onnx/runtime.js';

/** Outcome of a training. */
export interface TrainingFigures {
  /** Whole epochs run, and the epoch of the model's parameters; from 1, or 0 where the first was interrupted. */
  readonly epochs: number;
  readonly bestEpoch: number;
  /** Mean training loss of the last epoch. */
  readonly loss: number;
  /** Macro-F1 on the validation windows; null without any. */
  readonly validationScore: number | null;
}

/** The figures as an insight of the attack `name`. Warns where the training was interrupted. */
export function insightOf(
  name: string,
  { epochs, bestEpoch, loss, validationScore }: TrainingFigures,
  signal?: AbortSignal,
  onWarning?: OnWarning,
): Record<string, number> {
  if (signal?.aborted) {
    const model = bestEpoch === 0 ? 'the steps so far' : `epoch ${bestEpoch}`;
    onWarning?.(`${name}: interrupted in epoch ${epochs + 1}; the model is that of ${model}`);
  }
  return {
    epochs,
    bestEpoch,
    ...(epochs > 0 && { loss }),
    ...(validationScore !== null && { validationMacroF1: validationScore }),
  };
}
