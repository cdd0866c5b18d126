import { TCP, UDP } from '../../trace/read/frame.js';
import type { Flows, Trace } from '../../trace/trace.js';
import { type CoverFlow, MTU, SEGMENT, type Stage } from './stage.js';
import type { Task } from './tasks.js';

/** Packets of TCP and UDP that cross the gateway, to be played again. One column each, in order of time. */
export interface Recording {
  readonly packets: number;
  /** Seconds since its beginning. */
  readonly time: Float64Array;
  /** Of the IP packet. */
  readonly bytes: Uint32Array;
  readonly direction: Uint8Array;
  readonly protocols: Uint8Array;
  readonly flow: Uint32Array;
  readonly flows: Flows;
}

/** Of `trace` what crosses the gateway in TCP or UDP and what `keep` wants; it begins with its first packet. */
export function recordingOf(trace: Trace, keep: (row: number) => boolean = () => true): Recording {
  const { flows } = trace;
  const rows: number[] = [];
  for (let row = 0; row < trace.packets; row++) if (isPlayable(flows, trace.flow[row]!) && keep(row)) rows.push(row);
  const from = trace.time[rows[0] ?? 0] ?? 0;
  return {
    packets: rows.length,
    time: Float64Array.from(rows, (row) => trace.time[row]! - from),
    bytes: Uint32Array.from(rows, (row) => Math.max(1, trace.length[row]! - flows.header[trace.flow[row]!]!)),
    direction: Uint8Array.from(rows, (row) => trace.direction[row]!),
    protocols: Uint8Array.from(rows, (row) => trace.protocols[row]!),
    flow: Uint32Array.from(rows, (row) => trace.flow[row]!),
    flows,
  };
}

/** True for a flow that a host can open anew: others (ICMP, ...) are not played. */
export function isPlayable(flows: Flows, flow: number): boolean {
  const transport = flows.transport[flow];
  return flows.wan[flow] === 1 && (transport === TCP || transport === UDP);
}

/** Plays the packets `from` to `to` (that one not), each `shift` seconds after its time in the recording, in new flows. */
export function* replay(stage: Stage, recording: Recording, from: number, to: number, shift: number): Task {
  const { time, bytes, direction, protocols, flow, flows } = recording;
  const opened = new Map<number, CoverFlow>();
  for (let i = from; i < to; i++) {
    yield time[i]! + shift;
    const row = flow[i]!;
    let send = opened.get(row);
    if (!send) {
      send = stage.open({
        transport: flows.transport[row]!,
        remoteAddress: flows.addresses[flows.remoteAddress[row]!]!,
        remotePort: flows.remotePort[row]!,
      });
      opened.set(row, send);
    }
    let left = bytes[i]!;
    // Each segment repeats the headers that the capturing host had merged with others.
    for (; left > MTU; left -= SEGMENT) send(direction[i] as 0 | 1, MTU, protocols[i]!);
    send(direction[i] as 0 | 1, left, protocols[i]!);
  }
}
