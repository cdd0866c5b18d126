import type { PayloadReport } from '../packets.js';
import { IpOption, type Seen, seenTable } from '../seen.js';
import { FRAGMENT, type Frame, NETWORK, TCP, UDP } from './frame.js';

/** Fills the columns of {@link Seen} that are asked for, row by row. */
export interface SeenReader {
  /** Captured bytes of the payloads so far. */
  readonly payloads: Readonly<PayloadReport>;
  /** Fills the next row from the packet in `frame`. */
  packet(frame: Frame): void;
  /** Removes the rows of `gone`, which ascend. */
  remove(gone: readonly number[]): void;
  /** The columns, or undefined where none is asked for. */
  table(): Seen | undefined;
}

/** @param asked names of columns; others than those of {@link Seen} are ignored */
export function createSeenReader(asked: readonly string[]): SeenReader {
  const table = seenTable(asked);
  let columns = table.allocate(1024);
  let room = 1024;
  let rows = 0;
  const payloads = { packets: 0, cut: 0, missing: 0 };
  const counts = new Uint32Array(256);

  return {
    payloads,
    packet(frame) {
      if (rows === room) {
        room *= 2;
        columns = table.grow(columns, room);
      }
      const { view, end, payloadAt, payloadEnd, transport, transportAt } = frame;
      const hasPorts = transport === TCP || transport === UDP;
      const length = hasPorts ? Math.max(0, payloadEnd - payloadAt) : 0;
      const captured = Math.max(0, Math.min(end - payloadAt, length));
      if (length > 0) payloads.packets++;
      if (captured < length) payloads[captured === 0 ? 'missing' : 'cut']++;
      const isTcp = transport === TCP && frame.fragment !== FRAGMENT.LATER;
      const { payloadLength, payloadEntropy, tcpWindow, tcpFlags, hopLimit, ipOptions } = columns;
      if (payloadLength) payloadLength[rows] = length;
      if (payloadEntropy) payloadEntropy[rows] = entropyOf(view, payloadAt, captured, counts);
      if (tcpWindow && isTcp) tcpWindow[rows] = view.getUint16(transportAt + 14);
      if (tcpFlags && isTcp) tcpFlags[rows] = view.getUint16(transportAt + 12) & 0xfff;
      if (hopLimit) hopLimit[rows] = hopLimitOf(frame);
      if (ipOptions) ipOptions[rows] = optionsOf(frame);
      rows++;
    },
    remove(gone) {
      table.remove(columns, gone, rows);
      rows -= gone.length;
    },
    table: () => (table.names.length === 0 ? undefined : table.view(columns, 0, rows)),
  };
}

/** Shannon's entropy of `length` bytes at `from`, in bits per byte. `counts` is used and left as it was: zeros. */
function entropyOf(view: DataView, from: number, length: number, counts: Uint32Array): number {
  if (length === 0) return 0;
  for (let at = from; at < from + length; at++) counts[view.getUint8(at)]!++;
  let sum = 0;
  for (let byte = 0; byte < counts.length; byte++) {
    const count = counts[byte]!;
    if (count > 1) sum += count * Math.log2(count);
  }
  counts.fill(0);
  // Rounding takes that of equal bytes below 0.
  return Math.max(0, Math.log2(length) - sum / length);
}

function hopLimitOf({ view, network, networkAt }: Frame): number {
  if (network === NETWORK.IPV4) return view.getUint8(networkAt + 8);
  return network === NETWORK.IPV6 ? view.getUint8(networkAt + 7) : 0;
}

/** The {@link IpOption} bits of the packet's options. */
function optionsOf({ view, end, network, networkAt }: Frame): number {
  let bits = 0;
  if (network === NETWORK.IPV4) {
    const [endOfList, noOperation, routerAlert] = [0, 1, 148];
    const last = networkAt + (view.getUint8(networkAt) & 15) * 4;
    for (let at = networkAt + 20; at < last; ) {
      const type = view.getUint8(at);
      if (type === endOfList || type === noOperation) bits |= IpOption.PADDING;
      if (type === routerAlert) bits |= IpOption.ROUTER_ALERT;
      if (type === endOfList) break;
      const length = type === noOperation ? 1 : at + 1 < last ? view.getUint8(at + 1) : 0;
      // An option of no length goes on for ever.
      if (length === 0) break;
      at += length;
    }
  } else if (network === NETWORK.IPV6 && view.getUint8(networkAt + 6) === 0 && networkAt + 42 <= end) {
    const [pad1, padN, routerAlert] = [0, 1, 5];
    const last = Math.min(end, networkAt + 48 + view.getUint8(networkAt + 41) * 8);
    for (let at = networkAt + 42; at < last; ) {
      const type = view.getUint8(at);
      if (type === pad1 || type === padN) bits |= IpOption.PADDING;
      if (type === routerAlert) bits |= IpOption.ROUTER_ALERT;
      at += type === pad1 ? 1 : 2 + (at + 1 < last ? view.getUint8(at + 1) : 0);
    }
  }
  return bits;
}
