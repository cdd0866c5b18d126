import { createHash } from 'node:crypto';
import { type ColumnsOf, defineTable } from '../shared/columns.js';
import { seenTable } from './seen.js';
import { FLOW_COLUMNS, TRACE_COLUMNS, type Trace } from './trace.js';

/**
 * SHA-256 over everything that decides a result: each packet with its device and flow, and what else was asked for. The order of files, of
 * labels, and of packets with equal times does not change it.
 */
export function hashTrace(trace: Trace): string {
  const devices = new BigUint64Array(trace.devices.map(({ name, category }) => digest([name, category])));
  const table = defineTable({ ...TRACE_COLUMNS.types, ...seenTable(Object.keys(trace.seen ?? {})).types });
  return table.hash({ ...trace, ...trace.seen } as ColumnsOf<typeof table>, {
    except: ['cover', 'file'],
    meanings: { device: devices, flow: flowDigests(trace) },
    unordered: 'time',
  });
}

/** A digest of each flow that has packets: its numbers, its addresses as text, and its name where names were asked for. */
function flowDigests({ flow, flows }: Trace): BigUint64Array {
  const digests = new BigUint64Array(flows.count);
  const isKnown = new Uint8Array(flows.count);
  const numbers = FLOW_COLUMNS.names.filter((name) => name !== 'localAddress' && name !== 'remoteAddress');
  const { addresses, localAddress, remoteAddress, name, names } = flows;
  for (const row of flow) {
    if (isKnown[row] === 1) continue;
    isKnown[row] = 1;
    const ends = [addresses[localAddress[row]!], addresses[remoteAddress[row]!]];
    // Without names, the digest is the same as ever.
    const named = name && names ? [names[name[row]!]] : [];
    digests[row] = digest([...numbers.map((column) => flows[column][row]), ...ends, ...named]);
  }
  return digests;
}

function digest(value: unknown): bigint {
  return createHash('sha256').update(JSON.stringify(value)).digest().readBigUInt64LE();
}
