import { createKeyTable, keyId } from './keys.js';
import { CONVERSATION_COLUMNS, PACKET_COLUMNS, type PacketTable } from './packets.js';

/**
 * Tables one after another as one, which knows the addresses and conversations of its packets and no others. Conversations of several
 * tables with the same ends are one. `file` says which table a packet is of. Names and what else was asked for are left out.
 */
export function joinTables(tables: readonly PacketTable[]): PacketTable {
  const columns = PACKET_COLUMNS.join(tables);
  const macs = createNames();
  const addresses = createNames();
  const keys = createKeyTable();
  const found = CONVERSATION_COLUMNS.allocate(tables.reduce((sum, table) => sum + table.conversations.count, 0));

  const addConversation = ({ conversations }: PacketTable, row: number): number => {
    const a = addresses.rowOf(conversations.addresses[conversations.addressA[row]!]!);
    const b = addresses.rowOf(conversations.addresses[conversations.addressB[row]!]!);
    const ports = (conversations.portA[row]! << 16) | conversations.portB[row]!;
    const known = keys.count;
    // Without IP nothing here says between whom it is, so it is one of its own.
    const id = keyId(keys, a, b, ports, conversations.transport[row]!, a === 0 && b === 0 ? known : -1);
    if (id === known) {
      for (const name of CONVERSATION_COLUMNS.names) found[name][id] = conversations[name][row]!;
      found.addressA[id] = a;
      found.addressB[id] = b;
    }
    return id;
  };

  let at = 0;
  for (const [index, table] of tables.entries()) {
    const mac = lazily(table.macs.length, (row) => macs.rowOf(table.macs[row]!));
    const conversation = lazily(table.conversations.count, (row) => addConversation(table, row));
    for (let i = 0; i < table.packets; i++, at++) {
      columns.source[at] = mac(table.source[i]!);
      columns.destination[at] = mac(table.destination[i]!);
      columns.conversation[at] = conversation(table.conversation[i]!);
      columns.file[at] = index;
    }
  }
  return {
    packets: at,
    ...columns,
    files: tables.map((_, index) => String(index)),
    macs: macs.names,
    conversations: {
      count: keys.count,
      ...CONVERSATION_COLUMNS.slice(found, 0, keys.count),
      addresses: addresses.names,
    },
  };
}

/** The last `rows` rows, in columns of their own. */
export function lastRows(table: PacketTable, rows: number): PacketTable {
  const from = Math.max(0, table.packets - rows);
  return { ...table, packets: table.packets - from, ...PACKET_COLUMNS.slice(table, from) };
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
