/**
 * `homeveil/plugin`: what a defense, an attack or a view imports. It loads nothing but these small files; `z` for the parameters comes
 * from zod, which each plug-in file imports itself.
 */

/// <reference types="node" preserve="true" />

export {
  type Attack,
  type AttackContext,
  type Cut,
  defineAttack,
  type Identifier,
  type OpenContext,
} from './learning/attack.js';
export { labelWindows, rowsInWindows } from './learning/build-windows.js';
export { COVER, NO_CLASS, type PacketFeatures, type Windows } from './learning/windows.js';
export { headersOfPart, IP_HEADER, sendFragments } from './shaping/kit/parts.js';
export { createPast, type Past } from './shaping/kit/past.js';
export { createQueue, framesFor, type PacketQueue } from './shaping/kit/queue.js';
export { createTasks, type Task, type Tasks } from './shaping/kit/tasks.js';
export {
  type AppliedDefense,
  type CoverShape,
  type Defense,
  defineDefense,
  type Link,
  type NewFlow,
  type PacketRef,
  type Part,
  type Scope,
  type Shaper,
  type Training,
  type TunnelFlow,
} from './shaping/shaper.js';
export { InputError, UsageError } from './shared/errors.js';
export type { ParameterSchema } from './shared/parameters.js';
export type { OnProgress, Progress } from './shared/progress.js';
export type { Rng } from './shared/rng.js';
export { atLeast, atMost, bytes, choice, integer, milliseconds, number, rate, seconds, share } from './shared/units.js';
export { Direction, filterPackets, LARGEST_FRAME, NO_DEVICE, Protocol, type Trace } from './trace/trace.js';
export { outsideGateway } from './view/nat.js';
export { defineView, type View } from './view/view.js';
