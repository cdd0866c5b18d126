import { grown } from '../../shared/columns.js';
import { InputError } from '../../shared/errors.js';
import { ipv4Text, ipv6Text, macText } from '../addresses.js';
import { createKeyTable, type KeyTable, keyId, keyWords } from '../keys.js';
import { CONVERSATION_COLUMNS, type Conversations, ENCRYPTED } from '../packets.js';
import { ACCESS_POINT, FRAGMENT, type Frame, NETWORK } from './frame.js';

/** The stations, IP addresses and conversations seen so far, each with a dense id. */
export interface FlowTable {
  /** Senders and receivers on the link, as pairs: a look-up less per packet than one for each. */
  readonly pairs: KeyTable;
  /** Per pair: the rows of the two in `macs`. */
  pairSource: Uint32Array;
  pairDestination: Uint32Array;
  /** MAC addresses as text by row; row 0 is '' for none. */
  readonly macs: string[];
  /** The same as two words each, in the same rows. */
  readonly stations: KeyTable;
  /** IPv6 addresses. An IPv4 address is its own key. */
  readonly addresses6: KeyTable;
  /**
   * The two directions of each conversation, side by side: 2 n from side A to side B of conversation n, 2 n + 1 back.
   * Key: source, destination, their ports, transport, and {@link Frame.family}, which says what the ends are, or ENCRYPTED_FAMILY.
   */
  readonly directions: KeyTable;
  /** Per conversation: bytes before the IP header in its first frame. */
  header: Uint8Array;
  /** Per conversation: {@link Protocol} bit of its application as known so far. */
  application: Uint8Array;
  /** Per conversation: {@link ENCRYPTED}. */
  encrypted: Uint8Array;
  readonly fragments: FragmentCache;
}

/** Recent first fragments, so that later ones, which have no ports, find their conversation; a newer one may replace. */
interface FragmentCache {
  /** Source, destination, identification, transport; four words per slot. */
  readonly keys: Int32Array;
  /** Direction plus one, 0 for an empty slot. */
  readonly directions: Int32Array;
}

const FRAGMENT_SLOTS = 4096;

/**
 * Homes have hundreds of stations and, in months, some hundred thousands of conversations. Of more than so many, as a flood with
 * made-up addresses or a scan of the Internet has them, the names alone would fill the memory.
 */
const MAX_STATIONS = 2 ** 19;
const MAX_CONVERSATIONS = 2 ** 22;

export function createFlowTable(): FlowTable {
  const stations = createKeyTable();
  // Row 0, which is no station's.
  keyId(stations, -1, 0, 0, 0, 0);
  return {
    pairs: createKeyTable(),
    pairSource: new Uint32Array(64),
    pairDestination: new Uint32Array(64),
    macs: [''],
    stations,
    addresses6: createKeyTable(),
    directions: createKeyTable(),
    header: new Uint8Array(64),
    application: new Uint8Array(64),
    encrypted: new Uint8Array(64),
    fragments: { keys: new Int32Array(FRAGMENT_SLOTS * 4), directions: new Int32Array(FRAGMENT_SLOTS) },
  };
}

/** The pair of sender and receiver on the link. */
export function pairOf(table: FlowTable, frame: Frame): number {
  const { hasSource, hasDestination } = frame;
  const sourceHigh = hasSource ? frame.sourceHigh : 0;
  const sourceLow = hasSource ? frame.sourceLow : 0;
  const destinationHigh = hasDestination ? frame.destinationHigh : 0;
  const destinationLow = hasDestination ? frame.destinationLow : 0;
  const known = table.pairs.count;
  const told = (hasSource ? 1 : 0) | (hasDestination ? 2 : 0);
  const pair = keyId(table.pairs, sourceHigh, sourceLow, destinationHigh, destinationLow, told);
  if (pair === known) {
    if (pair === table.pairSource.length) {
      table.pairSource = grown(table.pairSource);
      table.pairDestination = grown(table.pairDestination);
    }
    table.pairSource[pair] = hasSource ? macRow(table, sourceHigh, sourceLow) : 0;
    table.pairDestination[pair] = hasDestination ? macRow(table, destinationHigh, destinationLow) : 0;
  }
  return pair;
}

function macRow({ macs, stations }: FlowTable, high: number, low: number): number {
  const row = keyId(stations, high & 0xffff, low | 0, 0, 0, 0);
  if (row === macs.length) {
    if (row === MAX_STATIONS) throw new InputError(`expected at most ${MAX_STATIONS} MAC addresses, found more`);
    macs.push(macText(high, low));
  }
  return row;
}

/**
 * The direction a frame belongs to: twice its conversation's id, plus one where the frame goes from side B to side A.
 * Frames without IP make one conversation for each two stations.
 */
export function directionOf(table: FlowTable, frame: Frame): number {
  const { family } = frame;
  let source = frame.source0;
  let destination = frame.destination0;
  if (family === 0) {
    // A MAC address is taken apart like an address and its port.
    source = frame.hasSource ? frame.sourceLow : 0;
    destination = frame.hasDestination ? frame.destinationLow : 0;
    const sourceHigh = frame.hasSource ? frame.sourceHigh : 0;
    const destinationHigh = frame.hasDestination ? frame.destinationHigh : 0;
    return directionBetween(table, frame, source, sourceHigh, destination, destinationHigh);
  }
  if (family === 6) {
    source = keyId(table.addresses6, source, frame.source1, frame.source2, frame.source3, 0);
    destination = keyId(table.addresses6, destination, frame.destination1, frame.destination2, frame.destination3, 0);
  }
  if (frame.fragment === FRAGMENT.NONE) {
    return directionBetween(table, frame, source, frame.sourcePort, destination, frame.destinationPort);
  }
  return directionOfFragment(table, frame, source, destination);
}

/** Only the first fragment names the ports; where it was not seen, a later one goes into a conversation without ports. */
function directionOfFragment(table: FlowTable, frame: Frame, source: number, destination: number): number {
  const { keys, directions } = table.fragments;
  const { fragmentId, transport } = frame;
  const mixed = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b) ^ Math.imul(fragmentId, 0xc2b2ae35);
  const slot = (mixed ^ (mixed >>> 15)) & (FRAGMENT_SLOTS - 1);
  const at = slot * 4;
  const isFirst = frame.fragment === FRAGMENT.FIRST;
  if (
    !isFirst &&
    directions[slot] !== 0 &&
    keys[at] === source &&
    keys[at + 1] === destination &&
    keys[at + 2] === fragmentId &&
    keys[at + 3] === (transport | (frame.family << 8))
  ) {
    return directions[slot]! - 1;
  }
  const { sourcePort, destinationPort } = frame;
  const direction = directionBetween(table, frame, source, sourcePort, destination, destinationPort);
  if (isFirst) {
    keys[at] = source;
    keys[at + 1] = destination;
    keys[at + 2] = fragmentId;
    keys[at + 3] = transport | (frame.family << 8);
    directions[slot] = direction + 1;
  }
  return direction;
}

function directionBetween(
  table: FlowTable,
  frame: Frame,
  source: number,
  sourcePort: number,
  destination: number,
  destinationPort: number,
): number {
  const { directions } = table;
  const { transport } = frame;
  const isEncrypted = frame.network === NETWORK.ENCRYPTED;
  const family = isEncrypted ? ENCRYPTED_FAMILY : frame.family;
  const known = directions.count;
  const direction = keyId(directions, source, destination, (sourcePort << 16) | destinationPort, transport, family);
  if (direction === known) {
    const back = keyId(directions, destination, source, (destinationPort << 16) | sourcePort, transport, family);
    // An end that talks to itself has one direction; a key that no frame has keeps the second place.
    if (back === direction) keyId(directions, source, destination, known, transport, NO_FAMILY);
    const conversation = known >>> 1;
    if (conversation === MAX_CONVERSATIONS) {
      throw new InputError(`expected at most ${MAX_CONVERSATIONS} conversations, found more`);
    }
    if (conversation === table.header.length) growConversations(table);
    table.header[conversation] = Math.min(frame.header, 255);
    table.encrypted[conversation] = isEncrypted ? encryptedOf(frame.accessPoint) : ENCRYPTED.NOT;
  }
  return direction;
}

/** No frame's {@link Frame.family}. */
const NO_FAMILY = -1;
/** Encrypted frames are conversations of their own, apart from others without IP between the same stations. */
const ENCRYPTED_FAMILY = 1;

function encryptedOf(accessPoint: number): number {
  if (accessPoint === ACCESS_POINT.NONE) return ENCRYPTED.DIRECT;
  return accessPoint === ACCESS_POINT.SOURCE ? ENCRYPTED.ACCESS_POINT_A : ENCRYPTED.ACCESS_POINT_B;
}

function growConversations(table: FlowTable): void {
  table.header = grown(table.header);
  table.application = grown(table.application);
  table.encrypted = grown(table.encrypted);
}

/** The conversations seen, side A being the sender of the first packet of each; of some, those of these ids, in their order. */
export function takeConversations(
  { directions, addresses6, header, encrypted }: FlowTable,
  ids?: readonly number[],
): Conversations {
  const count = ids?.length ?? directions.count >>> 1;
  const columns = CONVERSATION_COLUMNS.allocate(count);
  const addresses = [''];
  const known = createKeyTable();
  const rowOf = (end: number, family: number): number => {
    const row = keyId(known, end, family, 0, 0, 0) + 1;
    if (row === addresses.length) addresses.push(family === 4 ? ipv4Text(end) : address6Text(addresses6, end));
    return row;
  };
  for (let row = 0; row < count; row++) {
    const id = ids?.[row] ?? row;
    columns.header[row] = header[id]!;
    columns.encrypted[row] = encrypted[id]!;
    const [source, destination, ports, protocol, family] = keyWords(directions, id * 2);
    if (family !== 4 && family !== 6) continue;
    columns.transport[row] = protocol;
    columns.portA[row] = ports >>> 16;
    columns.portB[row] = ports;
    columns.addressA[row] = rowOf(source, family);
    columns.addressB[row] = rowOf(destination, family);
  }
  return { count, ...columns, addresses };
}

/**
 * A table that knows the conversations `ids`, in that order, and nothing else: no station, and no fragment, so that the rest of a
 * datagram under way goes into a conversation without ports.
 */
export function keepConversations(from: FlowTable, ids: Uint32Array): FlowTable {
  const to = createFlowTable();
  const addressOf = (end: number, family: number): number =>
    family === 6 ? keyId(to.addresses6, ...keyWords(from.addresses6, end)) : end;
  for (const [row, id] of ids.entries()) {
    for (const direction of [id * 2, id * 2 + 1]) {
      const [source, destination, ports, transport, family] = keyWords(from.directions, direction);
      // The place that is kept for the way back of an end that talks to itself needs another key, as in directionBetween.
      if (family === NO_FAMILY) keyId(to.directions, source, destination, row * 2, transport, NO_FAMILY);
      else keyId(to.directions, addressOf(source, family), addressOf(destination, family), ports, transport, family);
    }
    if (row === to.header.length) growConversations(to);
    to.header[row] = from.header[id]!;
    to.application[row] = from.application[id]!;
    to.encrypted[row] = from.encrypted[id]!;
  }
  return to;
}

function address6Text(addresses6: KeyTable, id: number): string {
  const [a, b, c, d] = keyWords(addresses6, id);
  return ipv6Text(a, b, c, d);
}
