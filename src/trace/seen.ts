/** Columns that readers of captures add to a trace where it is asked for. */

import { type Column, type ColumnsOf, defineTable, type Table } from '../shared/columns.js';
import { UsageError } from '../shared/errors.js';

/** Bits of the `ipOptions` column. */
export const IpOption = {
  /** An option that only fills: end of list or no operation in IPv4 (RFC 791, section 3.1), Pad1 or PadN in IPv6 (RFC 8200, section 4.2). */
  PADDING: 1,
  /** RFC 2113, RFC 2711. */
  ROUTER_ALERT: 2,
} as const;

/** Things that an observer may see in a packet besides its columns in `Trace`: a value for each packet, 0 where it has no such thing. */
const SEEN_COLUMNS = defineTable({
  /** Bytes that TCP or UDP carry, on the wire. */
  payloadLength: Uint32Array,
  /** Entropy of the bytes of that payload which were captured, 0 to 8 bits per byte. */
  payloadEntropy: Float32Array,
  /** The window field, without the scale that its connection may have agreed on. */
  tcpWindow: Uint16Array,
  /** The 12 bits from the reserved ones to FIN, which is the lowest. */
  tcpFlags: Uint16Array,
  /** Time to live of IPv4, hop limit of IPv6. */
  hopLimit: Uint8Array,
  /** Bit set of {@link IpOption}; in IPv6, of the hop-by-hop options. */
  ipOptions: Uint8Array,
});

/** Those of {@link SEEN_COLUMNS} that were asked for. */
export type Seen = Partial<ColumnsOf<typeof SEEN_COLUMNS>>;

/** All that can be asked for; `names` are those of the remote ends of flows. */
export const COLUMN_NAMES = ['names', ...SEEN_COLUMNS.names] as const;
export type ColumnName = (typeof COLUMN_NAMES)[number];

/** @throws UsageError for a name that is none of {@link COLUMN_NAMES} */
export function checkColumns(columns: readonly string[]): void {
  const unknown = columns.find((name) => !COLUMN_NAMES.some((known) => known === name));
  if (unknown === undefined) return;
  throw new UsageError(`columns: expected some of ${COLUMN_NAMES.join(', ')}, found ${unknown}`);
}

type SeenType = (typeof SEEN_COLUMNS)['types'][keyof Seen];

/** The table of those columns of {@link SEEN_COLUMNS} that are among `names`. */
export function seenTable(names: readonly string[]): Table<Readonly<Record<string, SeenType>>> {
  return defineTable(Object.fromEntries(Object.entries(SEEN_COLUMNS.types).filter(([name]) => names.includes(name))));
}

/** Those columns that are among `names`. */
export function pickSeen({ seen }: { readonly seen?: Seen }, names: readonly string[]): { readonly seen?: Seen } {
  const picked = Object.entries(seen ?? {}).filter(([name]) => names.includes(name));
  return picked.length === 0 ? {} : { seen: Object.fromEntries(picked) };
}

/** Columns made of those that are there, for a trace: `{ ...trace, ...mapSeen(trace, (column) => ...) }`. */
export function mapSeen(
  { seen }: { readonly seen?: Seen },
  make: (column: Column, name: keyof Seen) => Column,
): { readonly seen?: Seen } {
  if (seen === undefined) return {};
  const made = Object.entries(seen).map(([name, column]) => [name, make(column, name as keyof Seen)]);
  return { seen: Object.fromEntries(made) };
}
