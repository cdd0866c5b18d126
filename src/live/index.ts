/** `homeveil/live`: capture, replay and the two ends of a tunnel. */

/// <reference types="node" preserve="true" />

export { type CaptureRequest, type CaptureResult, capture } from './capture/capture.js';
export { type Interfaces, listInterfaces } from './capture/interfaces.js';
export { type LivePackets, readLive } from './capture/packets.js';
export { type CaptureSource, openCapture, type SourceOptions } from './capture/source.js';
export { type ReplayRequest, type ReplayResult, replay } from './replay/replay.js';
export { openTunnelEnd, type Place, type TunnelEnd, type TunnelOptions, whyNotLive } from './tunnel/end.js';
export { readKey, writeKey } from './tunnel/key.js';
export type { TunnelStatistics } from './tunnel/statistics.js';
