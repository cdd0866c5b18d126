import type { Stage } from './stage.js';

export interface NoisePlan {
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface NoiseMaker {
  readonly addresses: readonly string[];
  open(stage: Stage): Promise<void>;
  start(start: number): Promise<void>;
  stop(): Promise<void>;
}
export async function createNoiseMaker(_plan: NoisePlan, _folder: string): Promise<NoiseMaker> {
  throw new Error('to come');
}
