import type { Attack } from '../../src/learning/attack.js';
import { buildWindows, type WindowOptions } from '../../src/learning/build-windows.js';
import { mostProbable } from '../../src/learning/scores.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';

/** Fits an attack to the devices of a trace, and has it answer for another, cut as it asks for the streams `mix`. */
export async function runAttack(
  attack: Attack,
  given: Record<string, unknown>,
  mix: WindowOptions['mix'],
  train: Trace,
  asked: Trace,
): Promise<{ answers: Float32Array; predicted: number[] }> {
  const parameters = resolveParameters(attack.parameters, given, `attack ${attack.name}`);
  const { size = 100, unit } = attack.cut?.(parameters as never) ?? {};
  const classes = train.devices.map(({ name }) => name);
  const options = { size, stride: size, unit, mix, port: 'service' } as const;
  const windowsOf = (trace: Trace, more = {}) => buildWindows(trace, { ...options, ...more }).windows;
  const context = { parameters, rng: createRng(1), threads: 1 } as never;
  const identifier = await attack.fit(windowsOf(train, { classes }), windowsOf(train, { classes }), context);
  const answers = await identifier.predict(windowsOf(asked));
  return { answers, predicted: [...mostProbable(answers, classes.length)] };
}
