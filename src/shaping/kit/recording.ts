import { UsageError } from '../../shared/errors.js';
import { TCP, UDP } from '../../trace/read/frame.js';
import type { Flows, Trace } from '../../trace/trace.js';
import type { Training } from '../shaper.js';
import { type CoverFlow, MTU, SEGMENT, type Stage } from './stage.js';
import type { Task } from './tasks.js';

/** @throws UsageError where there is no training traffic */
export function requireTraining(defense: string, { trace }: Training): Trace {
  if (!trace) throw new UsageError(`defense ${defense}: expected training traffic to learn from, found none`);
  return trace;
}

/** Packets of TCP and UDP that cross the gateway, to be played again: columns, in order of time. */
export interface Recording {
  readonly packets: number;
  /** Seconds since its beginning. */
  readonly time: Float64Array;
  /** Bytes of the IP packet. */
  readonly bytes: Uint32Array;
  readonly direction: Uint8Array;
  readonly protocols: Uint8Array;
  readonly flow: Uint32Array;
  readonly flows: Flows;
}

/** The packets of `trace` that cross the gateway in TCP or UDP and that `keep` accepts; time 0 is the first of them. */
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

/** True for a flow that a host can open again: others, such as ICMP, are not played. */
export function isPlayable(flows: Flows, flow: number): boolean {
  const transport = flows.transport[flow];
  return flows.wan[flow] === 1 && (transport === TCP || transport === UDP);
}

/** A stretch of a recording that holds packets: its number, counted from 0, and its rows, `to` excluded. */
export interface Stretch {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

/** Divides a recording into stretches of `seconds`, and leaves out the empty ones. */
export function stretchesOf({ packets, time }: Recording, seconds: number): Stretch[] {
  const stretches: { number: number; from: number; to: number }[] = [];
  for (let row = 0; row < packets; row++) {
    const number = Math.floor(time[row]! / seconds);
    const last = stretches.at(-1);
    if (last?.number === number) last.to = row + 1;
    else stretches.push({ number, from: row, to: row + 1 });
  }
  return stretches;
}

/** Plays the packets from row `from` up to but not including row `to`, each at its time plus `shift` seconds, in new flows. */
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
    // Segments that the capturing host had merged leave one by one, each with headers of its own.
    for (; left > MTU; left -= SEGMENT) send(direction[i] as 0 | 1, MTU, protocols[i]!);
    send(direction[i] as 0 | 1, left, protocols[i]!);
  }
}
