import { defineTable, grown, trimmed } from '../shared/columns.js';
import { FLOW_COLUMNS, type Flows, TRACE_COLUMNS, type Trace } from '../trace/trace.js';
import type { Carried } from './account.js';
import type { CoverShape, NewFlow } from './shaper.js';

/** Collects the frames that leave a stage, in order of time, and what each carries. */
export interface Output {
  /** How many there are so far. */
  readonly frames: number;
  /** On the wire so far. */
  readonly bytes: number;
  /** Adds a frame that carries nothing yet. */
  frame(time: number, length: number, direction: number, like: CoverShape, device: number, file: number): void;
  /** Adds `bytes` of `packet` to the frame added last. */
  carry(packet: number, bytes: number): void;
  /** Adds a row to the flow table, with the local address and link header of flow `like`; returns its number. */
  openFlow(flow: NewFlow, localPort: number, like: number): number;
  finish(): Carried;
}

/**
 * Columns that grow as needed; a defense that sends one frame per packet fills them exactly.
 * @param overflow called before a frame beyond `maximum` is added; gives a new maximum, or throws
 */
export function createOutput(input: Trace, maximum: number, overflow: () => number): Output {
  let frames = 0;
  let most = maximum;
  let wire = 0;
  let rows = 0;
  let room = Math.max(16, input.packets);
  // Each in a variable of its own: through a table of columns, a simulation takes up to twice the time.
  let { time, length, direction, protocols, port, flow, device, file } = TRACE_COLUMNS.allocate(room);
  let start = new Uint32Array(room + 1);
  let parts = PARTS.allocate(room);
  const opened: OpenedFlow[] = [];

  return {
    get frames() {
      return frames;
    },
    get bytes() {
      return wire;
    },
    frame(at, wireBytes, way, like, owner, source) {
      if (frames >= most) most = overflow();
      if (frames === room) {
        time = grown(time);
        length = grown(length);
        direction = grown(direction);
        protocols = grown(protocols);
        port = grown(port);
        flow = grown(flow);
        device = grown(device);
        file = grown(file);
        room = time.length;
        start = grown(start, room + 1);
      }
      time[frames] = at;
      length[frames] = wireBytes;
      wire += wireBytes;
      direction[frames] = way;
      protocols[frames] = like.protocols;
      port[frames] = like.port;
      flow[frames] = like.flow;
      device[frames] = owner;
      file[frames] = source;
      start[frames++] = rows;
    },
    carry(packet, bytes) {
      if (rows === parts.packet.length) parts = PARTS.grow(parts);
      parts.packet[rows] = packet;
      parts.bytes[rows++] = bytes;
    },
    openFlow(shape, localPort, like) {
      return input.flows.count + opened.push({ ...shape, localPort, like }) - 1;
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
          flows: withFlows(input.flows, opened),
          ...(input.gaps && { gaps: input.gaps }),
        },
        account: { start: trimmed(start, frames + 1), ...PARTS.trim(parts, rows) },
      };
    },
  };
}

/** Which packet has how many bytes in a frame; see `Account`. */
const PARTS = defineTable({ packet: Uint32Array, bytes: Uint32Array });

/** A MAC address, which stands where there is no IP. */
const LINK_ADDRESS = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

interface OpenedFlow extends NewFlow {
  readonly localPort: number;
  readonly like: number;
}

/** The flow table with more rows; all of them cross the gateway, and none has a name. */
function withFlows(flows: Flows, opened: readonly OpenedFlow[]): Flows {
  if (opened.length === 0) return flows;
  const addresses = [...flows.addresses];
  const rows = new Map<string, number>();
  const addressOf = (address: string): number => {
    let row = rows.get(address);
    if (row === undefined) {
      row = addresses.push(address) - 1;
      rows.set(address, row);
    }
    return row;
  };
  // One and the same packet has addresses of one IP version: that of the remote one.
  const isIpv6 = (text: string) => text.includes(':') && !LINK_ADDRESS.test(text);
  const isIpv4 = (text: string) => !text.includes(':') && text !== '';
  const localOf = ({ like, remoteAddress }: OpenedFlow): number => {
    const fits = remoteAddress.includes(':') ? isIpv6 : isIpv4;
    const own = flows.localAddress[like]!;
    if (fits(addresses[own]!)) return own;
    return flows.localAddress.find((row) => fits(addresses[row]!)) ?? own;
  };
  const longer = FLOW_COLUMNS.grow(flows, flows.count + opened.length);
  for (const [i, flow] of opened.entries()) {
    const row = flows.count + i;
    longer.transport[row] = flow.transport;
    longer.localPort[row] = flow.localPort;
    longer.remotePort[row] = flow.remotePort;
    longer.localAddress[row] = localOf(flow);
    longer.remoteAddress[row] = addressOf(flow.remoteAddress);
    longer.wan[row] = 1;
    longer.header[row] = flows.header[flow.like]!;
  }
  const count = flows.count + opened.length;
  return { ...flows, count, ...longer, addresses, ...(flows.name && { name: grown(flows.name, count) }) };
}
