import { ipv4Text, ipv6Text, macText } from './addresses.js';
import { FRAGMENT, type Frame } from './frame.js';
import { createKeyTable, type KeyTable, keyId, keyWord } from './keys.js';
import type { Conversations } from './packets.js';

/** The stations, IP addresses and conversations seen so far, each with a dense id. */
export interface FlowTable {
  /** Senders and receivers on the link, as pairs: a look-up less per packet than one for each. */
  readonly links: KeyTable;
  /** IPv6 addresses. An IPv4 address is its own key. */
  readonly addresses6: KeyTable;
  /** Key: the two ends, lower one first; their ports; the transport; {@link Frame.family}, which says what the ends are. */
  readonly conversations: KeyTable;
  /** Per conversation: whether its first packet came from the upper end of the key. */
  swapped: Uint8Array;
  /** Per conversation: bytes before the IP header in its first frame. */
  header: Uint8Array;
  /** Per conversation: {@link Protocol} bit of its application as known so far. */
  application: Uint8Array;
  readonly fragments: FragmentCache;
}

/** Recent first fragments, so that later ones, which have no ports, find their conversation; a newer one may replace. */
interface FragmentCache {
  /** Source, destination, identification, transport; four words per slot. */
  readonly keys: Int32Array;
  /** Handle of the conversation plus one, 0 for an empty slot. */
  readonly handles: Int32Array;
}

const FRAGMENT_SLOTS = 4096;

export function createFlowTable(): FlowTable {
  return {
    links: createKeyTable(),
    addresses6: createKeyTable(),
    conversations: createKeyTable(),
    swapped: new Uint8Array(64),
    header: new Uint8Array(64),
    application: new Uint8Array(64),
    fragments: { keys: new Int32Array(FRAGMENT_SLOTS * 4), handles: new Int32Array(FRAGMENT_SLOTS) },
  };
}

const HAS_SOURCE = 1;
const HAS_DESTINATION = 2;

/** The pair of sender and receiver on the link. */
export function linkPairOf(table: FlowTable, frame: Frame): number {
  const sourceHigh = frame.hasSource ? frame.sourceHigh : 0;
  const sourceLow = frame.hasSource ? frame.sourceLow : 0;
  const destinationHigh = frame.hasDestination ? frame.destinationHigh : 0;
  const destinationLow = frame.hasDestination ? frame.destinationLow : 0;
  const told = (frame.hasSource ? HAS_SOURCE : 0) | (frame.hasDestination ? HAS_DESTINATION : 0);
  return keyId(table.links, sourceHigh, sourceLow, destinationHigh, destinationLow, told);
}

/**
 * The conversation a frame belongs to, as a handle: twice its id, plus one where the frame goes from side B to side A.
 * Frames without IP make one conversation for each two stations.
 */
export function conversationOf(table: FlowTable, frame: Frame): number {
  const { family } = frame;
  let source = frame.source0;
  let destination = frame.destination0;
  if (family === 0) {
    // A MAC address is taken apart like an address and its port.
    source = frame.hasSource ? frame.sourceLow : 0;
    destination = frame.hasDestination ? frame.destinationLow : 0;
    const sourceHigh = frame.hasSource ? frame.sourceHigh : 0;
    const destinationHigh = frame.hasDestination ? frame.destinationHigh : 0;
    return conversationBetween(table, frame, source, sourceHigh, destination, destinationHigh);
  }
  if (family === 6) {
    source = keyId(table.addresses6, source, frame.source1, frame.source2, frame.source3, 0);
    destination = keyId(table.addresses6, destination, frame.destination1, frame.destination2, frame.destination3, 0);
  }
  if (frame.fragment === FRAGMENT.NONE) {
    return conversationBetween(table, frame, source, frame.sourcePort, destination, frame.destinationPort);
  }
  return conversationOfFragment(table, frame, source, destination);
}

/** Only the first fragment names the ports; where it was not seen, a later one goes into a conversation without ports. */
function conversationOfFragment(table: FlowTable, frame: Frame, source: number, destination: number): number {
  const { keys, handles } = table.fragments;
  const { fragmentId, transport } = frame;
  const mixed = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b) ^ Math.imul(fragmentId, 0xc2b2ae35);
  const slot = (mixed ^ (mixed >>> 15)) & (FRAGMENT_SLOTS - 1);
  const at = slot * 4;
  const isFirst = frame.fragment === FRAGMENT.FIRST;
  if (
    !isFirst &&
    handles[slot] !== 0 &&
    keys[at] === source &&
    keys[at + 1] === destination &&
    keys[at + 2] === fragmentId &&
    keys[at + 3] === (transport | (frame.family << 8))
  ) {
    return handles[slot]! - 1;
  }
  const { sourcePort, destinationPort } = frame;
  const handle = conversationBetween(table, frame, source, sourcePort, destination, destinationPort);
  if (isFirst) {
    keys[at] = source;
    keys[at + 1] = destination;
    keys[at + 2] = fragmentId;
    keys[at + 3] = transport | (frame.family << 8);
    handles[slot] = handle + 1;
  }
  return handle;
}

function conversationBetween(
  table: FlowTable,
  frame: Frame,
  source: number,
  sourcePort: number,
  destination: number,
  destinationPort: number,
): number {
  const { conversations } = table;
  const { transport, family } = frame;
  const isSwapped = source > destination || (source === destination && sourcePort > destinationPort) ? 1 : 0;
  const known = conversations.count;
  const id =
    isSwapped === 1
      ? keyId(conversations, destination, source, (destinationPort << 16) | sourcePort, transport, family)
      : keyId(conversations, source, destination, (sourcePort << 16) | destinationPort, transport, family);
  if (id === known) {
    if (id === table.swapped.length) grow(table);
    table.swapped[id] = isSwapped;
    table.header[id] = Math.min(frame.header, 255);
  }
  return id * 2 + (isSwapped ^ table.swapped[id]!);
}

function grow(table: FlowTable): void {
  for (const column of ['swapped', 'header', 'application'] as const) {
    const larger = new Uint8Array(table[column].length * 2);
    larger.set(table[column]);
    table[column] = larger;
  }
}

/** The stations of the links seen: addresses as text, row 0 being '' for none, and for each pair the rows of its two. */
export interface Stations {
  readonly macs: readonly string[];
  readonly source: Uint32Array;
  readonly destination: Uint32Array;
}

export function takeStations({ links }: FlowTable): Stations {
  const rows = new Map([['', 0]]);
  const rowOf = (text: string): number => {
    if (!rows.has(text)) rows.set(text, rows.size);
    return rows.get(text)!;
  };
  const source = new Uint32Array(links.count);
  const destination = new Uint32Array(links.count);
  for (let id = 0; id < links.count; id++) {
    const told = keyWord(links, id, 4);
    const sender = macText(keyWord(links, id, 0), keyWord(links, id, 1));
    const receiver = macText(keyWord(links, id, 2), keyWord(links, id, 3));
    source[id] = rowOf((told & HAS_SOURCE) === 0 ? '' : sender);
    destination[id] = rowOf((told & HAS_DESTINATION) === 0 ? '' : receiver);
  }
  return { macs: [...rows.keys()], source, destination };
}

/** The conversations seen, side A being the sender of the first packet of each. */
export function takeConversations({ conversations, addresses6, swapped, header }: FlowTable): Conversations {
  const { count } = conversations;
  const transport = new Uint8Array(count);
  const portA = new Uint16Array(count);
  const portB = new Uint16Array(count);
  const addressA = new Uint32Array(count);
  const addressB = new Uint32Array(count);
  const rows = new Map([['', 0]]);
  const rowOf = (end: number, family: number): number => {
    const text = family === 4 ? ipv4Text(end) : address6Text(addresses6, end);
    if (!rows.has(text)) rows.set(text, rows.size);
    return rows.get(text)!;
  };
  for (let id = 0; id < count; id++) {
    const family = keyWord(conversations, id, 4);
    if (family === 0) continue;
    const a = swapped[id]!;
    const ports = keyWord(conversations, id, 2);
    transport[id] = keyWord(conversations, id, 3);
    portA[id] = a === 0 ? ports >>> 16 : ports;
    portB[id] = a === 0 ? ports : ports >>> 16;
    addressA[id] = rowOf(keyWord(conversations, id, a), family);
    addressB[id] = rowOf(keyWord(conversations, id, 1 - a), family);
  }
  const addresses = [...rows.keys()];
  return { count, transport, portA, portB, addressA, addressB, header: header.slice(0, count), addresses };
}

function address6Text(addresses6: KeyTable, id: number): string {
  const [a, b, c, d] = [0, 1, 2, 3].map((word) => keyWord(addresses6, id, word));
  return ipv6Text(a!, b!, c!, d!);
}
