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
 * Loads the native package, or the WebAssembly one where the native one does not load (no binary for this platform, not installed).
 * @param threads for the WebAssembly one, which keeps the first caller's number
 * @param name loads this one and no other
 * @throws UsageError where neither loads.
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
      const web = await loadWebAssembly(threads);
      if (web === null) {
        const remedies =
          '"ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node", or "npm install onnxruntime-web"';
        throw new UsageError(`no ONNX runtime loads: run ${remedies}, which is slower (${reason})`, { cause });
      }
      onWarning?.(`onnxruntime-node does not load, so onnxruntime-web does its work, more slowly: ${reason}`);
      return web;
    }
  }
  const web = await loadWebAssembly(threads);
  if (web === null) throw new UsageError('onnxruntime-web is not installed: run "npm install onnxruntime-web"');
  return web;
}

/** The WebAssembly runtime, or null where it is not installed: npm does not install an optional peer by itself. */
async function loadWebAssembly(threads: number): Promise<OnnxRuntime | null> {
  try {
    const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
    env.logLevel = 'fatal';
    env.wasm.numThreads = threads;
    return { name: 'onnxruntime-web', InferenceSession, Tensor };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
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
