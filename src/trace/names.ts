import { type ColumnsOf, defineTable } from '../shared/columns.js';

/** The columns of {@link HostNames.answers}. */
export const ANSWER_COLUMNS = defineTable({
  /** Seconds since the Unix epoch. */
  time: Float64Array,
  /** The direction of the packet, as in {@link HostNames.called}: its receiver asked. */
  direction: Uint32Array,
  /** Row of `names`: the name asked for. */
  name: Uint32Array,
  /** Row of `addresses`: an address that the name has. */
  address: Uint32Array,
});

/** Names of hosts, as the packets of a capture tell them. */
export interface HostNames {
  /** Host names in lower case; row 0 is '' for none. */
  readonly names: readonly string[];
  /**
   * For each direction, 2 n from side A to side B of conversation n and 2 n + 1 back: row of the name that its sender first calls the receiver
   * by, in a TLS ClientHello or an HTTP request. Directions beyond the end have none.
   */
  readonly called: Uint32Array;
  /** Addresses that DNS told, in the order read. */
  readonly answers: ColumnsOf<typeof ANSWER_COLUMNS>;
  readonly addresses: readonly string[];
}
