import type { Trace } from '../trace/trace.js';
import { type Carried, grown } from './account.js';
import type { CoverShape } from './shaper.js';

/** Collects the frames that leave a stage, in order of time, and what each carries. */
export interface Output {
  /** Adds a frame that carries nothing yet. */
  frame(time: number, length: number, direction: number, like: CoverShape, device: number, file: number): void;
  /** Adds `bytes` of `packet` to the frame added last. */
  carry(packet: number, bytes: number): void;
  finish(): Carried;
}

/** Columns that grow as needed; a defense that sends one frame per packet fills them exactly. */
export function createOutput(input: Trace): Output {
  let frames = 0;
  let rows = 0;
  let room = Math.max(16, input.packets);
  let time = new Float64Array(room);
  let length = new Uint32Array(room);
  let direction = new Uint8Array(room);
  let protocols = new Uint8Array(room);
  let port = new Uint16Array(room);
  let flow = new Uint32Array(room);
  let device = new Uint16Array(room);
  let file = new Uint16Array(room);
  let start = new Uint32Array(room + 1);
  let packet = new Uint32Array(room);
  let bytes = new Uint32Array(room);

  const grow = (): void => {
    time = grown(time);
    length = grown(length);
    direction = grown(direction);
    protocols = grown(protocols);
    port = grown(port);
    flow = grown(flow);
    device = grown(device);
    file = grown(file);
    start = grown(start);
    room = time.length;
  };

  const trimmed = <T extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(column: T, size: number): T =>
    column.length === size ? column : (column.slice(0, size) as T);

  return {
    frame(at, wireBytes, way, like, owner, source) {
      if (frames === room) grow();
      time[frames] = at;
      length[frames] = wireBytes;
      direction[frames] = way;
      protocols[frames] = like.protocols;
      port[frames] = like.port;
      flow[frames] = like.flow;
      device[frames] = owner;
      file[frames] = source;
      start[frames++] = rows;
    },
    carry(id, userBytes) {
      if (rows === packet.length) {
        packet = grown(packet);
        bytes = grown(bytes);
      }
      packet[rows] = id;
      bytes[rows++] = userBytes;
    },
    finish() {
      start[frames] = rows;
      return {
        trace: {
          packets: frames,
          time: trimmed(time, frames),
          length: trimmed(length, frames),
          direction: trimmed(direction, frames),
          protocols: trimmed(protocols, frames),
          port: trimmed(port, frames),
          flow: trimmed(flow, frames),
          device: trimmed(device, frames),
          cover: new Uint8Array(frames),
          file: trimmed(file, frames),
          files: input.files,
          devices: input.devices,
          flows: input.flows,
        },
        account: { start: trimmed(start, frames + 1), packet: trimmed(packet, rows), bytes: trimmed(bytes, rows) },
      };
    },
  };
}
