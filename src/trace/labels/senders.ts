import type { PacketTable } from '../packets.js';

/** The IP addresses that each station sends from: one row per pair of MAC address and IP address. */
export interface Senders {
  readonly count: number;
  /** Row of `macs`, never 0. */
  readonly mac: readonly number[];
  /** Row of `conversations.addresses`; 0 for frames without IP. */
  readonly address: readonly number[];
  readonly packets: readonly number[];
  /** Times of the first and the last packet, in seconds since the Unix epoch. */
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export function findSenders(table: PacketTable): Senders {
  const { conversations, source, conversation, reverse, time } = table;
  const { addressA, addressB, addresses } = conversations;
  const [mac, address, packets, from, to]: [number[], number[], number[], number[], number[]] = [[], [], [], [], []];
  const ids = new Map<number, number>();
  // A direction of a conversation nearly always has one sender, so the last one is remembered.
  const last = new Int32Array(conversations.count * 2).fill(-1);
  for (let i = 0; i < table.packets; i++) {
    const sender = source[i]!;
    if (sender === 0) continue;
    const direction = conversation[i]! * 2 + reverse[i]!;
    let id = last[direction]!;
    if (id < 0 || mac[id] !== sender) {
      const row = (reverse[i] === 0 ? addressA : addressB)[conversation[i]!]!;
      const key = sender * addresses.length + row;
      id = ids.get(key) ?? mac.length;
      if (id === mac.length) {
        ids.set(key, id);
        mac.push(sender);
        address.push(row);
        packets.push(0);
        from.push(time[i]!);
        to.push(time[i]!);
      }
      last[direction] = id;
    }
    packets[id]!++;
    if (time[i]! < from[id]!) from[id] = time[i]!;
    if (time[i]! > to[id]!) to[id] = time[i]!;
  }
  return { count: mac.length, mac, address, packets, from, to };
}
