import { ipv4Text, ipv6Text, macText } from './addresses.js';
import { FRAGMENT, type Frame } from './frame.js';
import { createKeyTable, type KeyTable, keyId, keyWord } from './keys.js';
import type { Conversations } from './packets.js';

/** The MAC addresses, IP addresses and conversations seen so far, each with a dense id. */
export interface FlowTable {
  /** Id 0 is none in both. */
  readonly macs: KeyTable;
  readonly addresses: KeyTable;
  /** Key: the ends' ids, lower end first; their ports; the transport, or {@link NO_IP}. */
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

/** In place of a transport in the key of a conversation without IP, whose ends are MAC addresses. */
const NO_IP = -1;

const FRAGMENT_SLOTS = 4096;

export function createFlowTable(): FlowTable {
  const macs = createKeyTable();
  const addresses = createKeyTable();
  keyId(macs, 0, 0, 0, 0, 0);
  keyId(addresses, 0, 0, 0, 0, 0);
  return {
    macs,
    addresses,
    conversations: createKeyTable(),
    swapped: new Uint8Array(64),
    header: new Uint8Array(64),
    application: new Uint8Array(64),
    fragments: { keys: new Int32Array(FRAGMENT_SLOTS * 4), handles: new Int32Array(FRAGMENT_SLOTS) },
  };
}

/** Ids of the sender and receiver on the link; 0 where the link does not tell. */
export function sourceMacId(table: FlowTable, frame: Frame): number {
  return frame.hasSource ? keyId(table.macs, frame.sourceHigh, frame.sourceLow, 1, 0, 0) : 0;
}
export function destinationMacId(table: FlowTable, frame: Frame): number {
  return frame.hasDestination ? keyId(table.macs, frame.destinationHigh, frame.destinationLow, 1, 0, 0) : 0;
}

/**
 * The conversation a frame belongs to, as a handle: twice its id, plus one where the frame goes from side B to side A.
 * Frames without IP make one conversation for each pair of MAC addresses.
 */
export function conversationOf(table: FlowTable, frame: Frame, sourceMac: number, destinationMac: number): number {
  if (frame.family === 0) return conversation(table, frame, sourceMac, destinationMac, NO_IP);
  const { addresses } = table;
  const { family } = frame;
  const source = keyId(addresses, frame.source0, frame.source1, frame.source2, frame.source3, family);
  const destination = keyId(
    addresses,
    frame.destination0,
    frame.destination1,
    frame.destination2,
    frame.destination3,
    family,
  );
  if (frame.fragment === FRAGMENT.NONE) return conversation(table, frame, source, destination, frame.transport);
  return conversationOfFragment(table, frame, source, destination);
}

/** Only the first fragment names the ports; where it was not seen, a later one goes into a conversation without ports. */
function conversationOfFragment(table: FlowTable, frame: Frame, source: number, destination: number): number {
  const { keys, handles } = table.fragments;
  const { fragmentId, transport } = frame;
  const mixed = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b) ^ Math.imul(fragmentId, 0xc2b2ae35);
  const slot = (mixed ^ (mixed >>> 15)) & (FRAGMENT_SLOTS - 1);
  const at = slot * 4;
  if (frame.fragment === FRAGMENT.FIRST) {
    const handle = conversation(table, frame, source, destination, transport);
    keys[at] = source;
    keys[at + 1] = destination;
    keys[at + 2] = fragmentId;
    keys[at + 3] = transport;
    handles[slot] = handle + 1;
    return handle;
  }
  if (
    handles[slot] !== 0 &&
    keys[at] === source &&
    keys[at + 1] === destination &&
    keys[at + 2] === fragmentId &&
    keys[at + 3] === transport
  ) {
    return handles[slot]! - 1;
  }
  return conversation(table, frame, source, destination, transport);
}

function conversation(table: FlowTable, frame: Frame, source: number, destination: number, transport: number): number {
  const { conversations } = table;
  const { sourcePort, destinationPort } = frame;
  const isSwapped = source > destination || (source === destination && sourcePort > destinationPort) ? 1 : 0;
  const known = conversations.count;
  const id =
    isSwapped === 1
      ? keyId(conversations, destination, source, (destinationPort << 16) | sourcePort, transport, 0)
      : keyId(conversations, source, destination, (sourcePort << 16) | destinationPort, transport, 0);
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

/** MAC addresses as text; row 0 is ''. */
export function macTexts({ macs }: FlowTable): string[] {
  const texts = [''];
  for (let id = 1; id < macs.count; id++) texts.push(macText(keyWord(macs, id, 0), keyWord(macs, id, 1)));
  return texts;
}

/** The conversations seen, side A being the sender of the first packet of each. */
export function takeConversations(table: FlowTable): Conversations {
  const { conversations, addresses } = table;
  const { count } = conversations;
  const transport = new Uint8Array(count);
  const portA = new Uint16Array(count);
  const portB = new Uint16Array(count);
  const addressA = new Uint32Array(count);
  const addressB = new Uint32Array(count);
  for (let id = 0; id < count; id++) {
    if (keyWord(conversations, id, 3) === NO_IP) continue;
    const a = table.swapped[id] === 1 ? 1 : 0;
    const ports = keyWord(conversations, id, 2);
    transport[id] = keyWord(conversations, id, 3);
    portA[id] = a === 0 ? ports >>> 16 : ports & 0xffff;
    portB[id] = a === 0 ? ports & 0xffff : ports >>> 16;
    addressA[id] = keyWord(conversations, id, a);
    addressB[id] = keyWord(conversations, id, 1 - a);
  }
  const texts = [''];
  for (let id = 1; id < addresses.count; id++) {
    const words = [0, 1, 2, 3].map((word) => keyWord(addresses, id, word)) as [number, number, number, number];
    texts.push(keyWord(addresses, id, 4) === 4 ? ipv4Text(words[0]) : ipv6Text(...words));
  }
  return { count, transport, portA, portB, addressA, addressB, header: table.header.slice(0, count), addresses: texts };
}
