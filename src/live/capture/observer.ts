import { countDevices } from '../../harness/observer/identify.js';
import { shapeAll } from '../../shaping/simulate.js';
import { createRng, type Rng } from '../../shared/rng.js';
import { joinTables, lastRows } from '../../trace/join.js';
import type { Label } from '../../trace/labels/label-file.js';
import { labelPackets } from '../../trace/labels/labels.js';
import type { IngestReport, PacketTable } from '../../trace/packets.js';
import { type Device, filterPackets, type Trace } from '../../trace/trace.js';
import { steadyPorts } from '../../view/nat.js';
import type { AppliedView } from '../../view/observe.js';
import type { View } from '../../view/view.js';

/** Turns packets captured on an interface into what an observer sees of them from a view. */
interface LiveObserver {
  /** Returns what the observer sees of `batches`; null where that is nothing. */
  take(batches: readonly PacketTable[]): Trace | null;
  /** Number of the home's hosts among recent packets. */
  readonly hosts: number;
}

/** Number of recent packets that tell hosts and gateways apart. */
const EVIDENCE = 20_000;

/**
 * Finds hosts of the home as for a capture (see hosts.ts), from the last {@link EVIDENCE} packets. Until a gateway has spoken for
 * several outside addresses, its packets may be attributed to a host. A gateway that never does so stays a host, and packets to it
 * do not leave the home. Each batch is seen as observe.ts has it, except that a gateway's translated ports stay the same from batch
 * to batch.
 * @param labels of the user's devices: their packets get these names; other packets keep theirs
 * @param evidence for tests
 */
export function createLiveObserver(
  { view, parameters }: { view: Pick<View, 'name' | 'select' | 'carry'>; parameters: AppliedView['parameters'] },
  labels: readonly Label[] = [],
  rng: Rng = createRng(1, 'watch'),
  evidence = EVIDENCE,
): LiveObserver {
  let past = joinTables([]);
  let hosts = 0;
  const rename = createRenaming(labels);
  return {
    get hosts() {
      return hosts;
    },
    take(batches) {
      const table = joinTables([past, ...batches]);
      if (table.packets === past.packets) return null;
      past = lastRows(table, evidence);
      const { trace } = labelPackets(table, NO_REPORT, { by: 'host' });
      hosts = countDevices(trace);
      // The past is the first of the joined tables.
      const own = filterPackets(trace, (row) => trace.file[row]! > 0);
      const selected = view.select(rename(own), rng.stream('view', view.name));
      if (selected.packets === 0) return null;
      const { flows } = selected;
      const seen =
        flows.localPort === own.flows.localPort
          ? selected
          : { ...selected, flows: { ...flows, localPort: steadyPorts(own.flows, selected.flow) } };
      const carrier = view.carry?.(parameters);
      return shapeAll(seen, carrier ? [carrier] : [], { rng, capacity: null }).trace;
    },
  };
}

/** Renames the device of each packet to its label's, found by the host's MAC address or by its address in the home. */
export function createRenaming(labels: readonly Label[]): (trace: Trace) => Trace {
  if (labels.length === 0) return (trace) => trace;
  const byAddress = new Map(labels.map((label) => [label.address, label]));
  const known: Device[] = [];
  const ids = new Map<string, number>();
  for (const { device: name, category } of labels) {
    if (!ids.has(name)) ids.set(name, known.push({ name, category }) - 1);
  }
  return (trace) => {
    const { flows } = trace;
    const ofHost = trace.devices.map(({ name }) => byAddress.get(name));
    const ofAddress = flows.addresses.map((address) => byAddress.get(address));
    const device = trace.device.map((host, row) => {
      const label = ofHost[host] ?? ofAddress[flows.localAddress[trace.flow[row]!]!];
      return label === undefined ? known.length + host : ids.get(label.device)!;
    });
    return { ...trace, devices: [...known, ...trace.devices], device };
  };
}

const NO_REPORT: IngestReport = { read: 0, kept: 0, dropped: {}, backward: 0, gaps: [], files: [], skipped: [] };
