import type { Engine, EngineOptions } from './engine.js';
import { createOnnxEngine } from './onnx-engine.js';
import { createTfjsEngine } from './tfjs-engine.js';

export type EngineName = 'onnx' | 'tfjs';

export function createEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  return name === 'tfjs' ? createTfjsEngine(options) : createOnnxEngine(options);
}
