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
  const room = Math.max(16, input.packets);
  let columns = TRACE_COLUMNS.allocate(room);
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
    frame(time, wireBytes, direction, like, device, file) {
      if (frames >= most) most = overflow();
      if (frames === columns.time.length) {
        columns = TRACE_COLUMNS.grow(columns);
        start = grown(start, columns.time.length + 1);
      }
      columns.time[frames] = time;
      columns.length[frames] = wireBytes;
      wire += wireBytes;
      columns.direction[frames] = direction;
      columns.protocols[frames] = like.protocols;
      columns.port[frames] = like.port;
      columns.flow[frames] = like.flow;
      columns.device[frames] = device;
      columns.file[frames] = file;
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
          ...TRACE_COLUMNS.trim(columns, frames),
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

/** The flow table with more rows; all of them cross the gateway. */
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
  return { count: flows.count + opened.length, ...longer, addresses };
}
