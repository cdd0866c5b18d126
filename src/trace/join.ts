import { createKeyTable, keyId } from './keys.js';
import type { PacketTable } from './packets.js';
import { type Columns, createColumns } from './read/columns.js';

/**
 * Tables one after another as one, which knows the addresses and conversations of its packets and no others. Conversations of several
 * tables with the same ends are one. `file` says which table a packet is of.
 */
export function joinTables(tables: readonly PacketTable[]): PacketTable {
  const packets = tables.reduce((sum, table) => sum + table.packets, 0);
  const columns = createColumns(packets);
  const file = new Uint16Array(packets);
  const macs = createNames();
  const addresses = createNames();
  const keys = createKeyTable();
  const [transport, portA, portB, addressA, addressB, header]: number[][] = [[], [], [], [], [], []];

  const addConversation = ({ conversations }: PacketTable, row: number): number => {
    const [a, b] = [conversations.addressA[row]!, conversations.addressB[row]!].map((address) =>
      addresses.rowOf(conversations.addresses[address]!),
    ) as [number, number];
    const [ports, protocol] = [
      (conversations.portA[row]! << 16) | conversations.portB[row]!,
      conversations.transport[row]!,
    ];
    const known = keys.count;
    // Without IP nothing here says between whom it is, so it is one of its own.
    const id = keyId(keys, a, b, ports, protocol, a === 0 && b === 0 ? known : -1);
    if (id === known) {
      transport!.push(protocol);
      portA!.push(conversations.portA[row]!);
      portB!.push(conversations.portB[row]!);
      addressA!.push(a);
      addressB!.push(b);
      header!.push(conversations.header[row]!);
    }
    return id;
  };

  let at = 0;
  for (const [index, table] of tables.entries()) {
    for (const name of ['time', 'length', 'protocols', 'reverse'] as const) {
      (columns[name] as Float64Array).set(table[name] as Float64Array, at);
    }
    const mac = lazily(table.macs.length, (row) => macs.rowOf(table.macs[row]!));
    const conversation = lazily(table.conversations.count, (row) => addConversation(table, row));
    for (let i = 0; i < table.packets; i++, at++) {
      columns.source[at] = mac(table.source[i]!);
      columns.destination[at] = mac(table.destination[i]!);
      columns.conversation[at] = conversation(table.conversation[i]!);
      file[at] = index;
    }
  }
  return {
    packets,
    ...columns,
    file,
    files: tables.map((_, index) => String(index)),
    macs: macs.names,
    conversations: {
      count: keys.count,
      transport: Uint8Array.from(transport!),
      portA: Uint16Array.from(portA!),
      portB: Uint16Array.from(portB!),
      addressA: Uint32Array.from(addressA!),
      addressB: Uint32Array.from(addressB!),
      header: Uint8Array.from(header!),
      addresses: addresses.names,
    },
  };
}

/** The last `rows` rows, in columns of their own. */
export function lastRows(table: PacketTable, rows: number): PacketTable {
  const from = Math.max(0, table.packets - rows);
  const { time, length, protocols, source, destination, conversation, reverse, file } = table;
  const columns: Columns & Pick<PacketTable, 'file'> = {
    ...{ time, length, protocols, source, destination, conversation, reverse, file },
  };
  const cut = Object.entries(columns).map(([name, column]) => [name, column.slice(from)]);
  return { ...table, packets: table.packets - from, ...Object.fromEntries(cut) };
}

/** Names by row; row 0 is ''. */
function createNames() {
  const names = [''];
  const rows = new Map([['', 0]]);
  return {
    names,
    rowOf(name: string): number {
      let row = rows.get(name);
      if (row === undefined) {
        row = names.push(name) - 1;
        rows.set(name, row);
      }
      return row;
    },
  };
}

/** `make`, called once for each of so many rows, when it is first asked for. */
function lazily(rows: number, make: (row: number) => number): (row: number) => number {
  const made = new Int32Array(rows).fill(-1);
  return (row) => {
    if (made[row]! < 0) made[row] = make(row);
    return made[row]!;
  };
}
