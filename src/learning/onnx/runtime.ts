import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { UsageError } from '../../shared/errors.js';

/** The part of ONNX Runtime that we use; the native and the WebAssembly package both export it. */
export interface OnnxRuntime {
  readonly name: 'onnxruntime-node' | 'onnxruntime-web';
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

export interface RuntimeOptions {
  /** Threads within an operator, at least 1. */
  readonly threads: number;
  readonly device: 'cpu' | 'cuda';
}

export type RuntimeName = OnnxRuntime['name'];

/** Takes a warning: one line, without a full stop. */
export type OnWarning = (message: string) => void;

/**
 * The native package, or where that does not load (no binary for this platform, left out of the install) the WebAssembly one.
 * @param threads for the WebAssembly one, which keeps the first caller's number
 * @param name to load this package and no other
 */
export async function loadRuntime(threads: number, onWarning?: OnWarning, name?: RuntimeName): Promise<OnnxRuntime> {
  if (name !== 'onnxruntime-web') {
    try {
      const { env, InferenceSession, Tensor } = await import('onnxruntime-node');
      // Its errors contain everything that it would print.
      env.logLevel = 'fatal';
      return { name: 'onnxruntime-node', InferenceSession, Tensor };
    } catch (cause) {
      if (name !== undefined) throw cause;
      const reason = (cause as Error).message.split('\n', 1)[0];
      onWarning?.(`onnxruntime-node does not load, so onnxruntime-web does its work, more slowly: ${reason}`);
    }
  }
  const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
  env.logLevel = 'fatal';
  env.wasm.numThreads = threads;
  return { name: 'onnxruntime-web', InferenceSession, Tensor };
}

/**
 * A session for the model in `bytes`.
 * @throws UsageError where the device is not there.
 */
export async function createSession(
  runtime: OnnxRuntime,
  bytes: Uint8Array,
  { threads, device }: RuntimeOptions,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    executionProviders: runtime.name === 'onnxruntime-web' ? ['wasm'] : device === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
  };
  if (device === 'cpu') return runtime.InferenceSession.create(bytes, options);
  if (runtime.name === 'onnxruntime-web')
    throw new UsageError('device cuda: needs onnxruntime-node, which does not load here');
  try {
    return await runtime.InferenceSession.create(bytes, options);
  } catch (cause) {
    throw new UsageError(
      `device cuda: not available to onnxruntime-node: ${(cause as Error).message.split('\n', 1)[0]}`,
      {
        cause,
      },
    );
  }
}

/** Runs a session and writes its outputs into the given tensors, without allocating where the runtime can do that. */
export async function runInto(
  runtime: OnnxRuntime,
  session: InferenceSession,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<void> {
  if (runtime.name === 'onnxruntime-node') {
    await session.run(inputs, outputs);
    return;
  }
  // The WebAssembly runtime has its own memory and always returns copies.
  const results = await session.run(inputs, Object.keys(outputs));
  for (const [name, tensor] of Object.entries(outputs)) {
    (tensor.data as Float32Array).set(results[name]!.data as Float32Array);
    results[name]!.dispose();
  }
}
