import { createKeyTable, keyId } from './keys.js';
import type { HostNames } from './names.js';
import { type Flows, type Trace, timeOrder } from './trace.js';

interface NamedFlows {
  readonly flows: Flows;
  readonly counts: NameCounts;
}

/** Flows that cross the gateway, and how many of them have a name: from their own packets, or from answers of DNS. */
export interface NameCounts {
  readonly flows: number;
  readonly own: number;
  readonly dns: number;
}

/**
 * Gives each flow of `trace` the name of its remote end, as an observer of the whole capture learns it: what the flow's own packets call that
 * end (TLS, HTTP); else the name for which DNS last gave its address before the flow's first packet. Answers to the flow's own device come
 * before those to anybody else, as a gateway that asks for all.
 * @param outbound for each flow, the direction in which its device sends: see {@link HostNames.called}
 */
export function nameFlows(trace: Trace, outbound: readonly number[], found: HostNames): NamedFlows {
  const { packets, time, flow, device, flows } = trace;
  const { called, answers } = found;
  const firsts = firstPackets(trace);
  const deviceOf = new Map<number, number>();
  for (const [row, first] of firsts.entries()) if (first < packets) deviceOf.set(outbound[row]!, device[first]!);

  const names = [''];
  const rows = new Map([[0, 0]]);
  const rowOf = (name: number): number => {
    let row = rows.get(name);
    if (row === undefined) {
      row = names.push(found.names[name]!) - 1;
      rows.set(name, row);
    }
    return row;
  };

  /** The last answer so far for an address, to a device and to anybody, by key. */
  const keys = createKeyTable();
  const latest: number[] = [];
  const ANYBODY = -1;
  const keyOf = (asker: number, address: number) => keyId(keys, asker, address, 0, 0, 0);
  const addresses = new Map(found.addresses.map((address, row) => [address, row]));
  const order = timeOrder(answers.time);
  let next = 0;

  const name = new Uint32Array(flows.count);
  const counts = { flows: 0, own: 0, dns: 0 };
  for (let i = 0; i < packets; i++) {
    const row = flow[i]!;
    if (firsts[row] !== i) continue;
    for (; next < order.length && answers.time[order[next]!]! <= time[i]!; next++) {
      const answer = order[next]!;
      const address = answers.address[answer]!;
      const asker = deviceOf.get(answers.direction[answer]! ^ 1);
      if (asker !== undefined) latest[keyOf(asker, address)] = answers.name[answer]!;
      latest[keyOf(ANYBODY, address)] = answers.name[answer]!;
    }
    const address = addresses.get(flows.addresses[flows.remoteAddress[row]!]!);
    const answered = (asker: number) => (address === undefined ? 0 : (latest[keyOf(asker, address)] ?? 0));
    const own = called[outbound[row]!] ?? 0;
    const told = own || answered(device[i]!) || answered(ANYBODY);
    name[row] = rowOf(told);
    if (flows.wan[row] === 0) continue;
    counts.flows++;
    if (told !== 0) counts[own !== 0 ? 'own' : 'dns']++;
  }
  return { flows: { ...flows, name, names }, counts };
}

/** For each flow, the row of its first packet; `packets` for one without any. */
function firstPackets({ packets, flow, flows }: Trace): Uint32Array {
  const firsts = new Uint32Array(flows.count).fill(packets);
  for (let i = packets - 1; i >= 0; i--) firsts[flow[i]!] = i;
  return firsts;
}
