import { setTimeout as sleep } from 'node:timers/promises';
import { HEADERS_SNAPLEN } from '../live/capture/headers.js';
import { createLiveObserver } from '../live/capture/observer.js';
import { readLive } from '../live/capture/packets.js';
import { openCapture } from '../live/capture/source.js';
import { InputError } from '../shared/errors.js';
import { Protocol, type Trace } from '../trace/trace.js';
import type { SeenPacket } from './clock-link.js';
import type { OwnConnections } from './own-connections.js';

export interface HomeOptions {
  /** Interface of this machine that the home's traffic passes. */
  readonly interface: string;
  readonly own: OwnConnections;
  readonly signal: AbortSignal;
  /** Called with the name of the capture engine once it captures. */
  readonly onOpen: (engine: string) => void;
  readonly onPacket: (device: string, packet: SeenPacket) => void;
  /** Called with the number of packets shown from each batch. */
  readonly onShown: (packets: number) => void;
}

/** Shorter waits, in seconds, are skipped. */
const NO_WAIT = 0.002;
/** Longest wait for a packet's time, in seconds, in case a clock was set. */
const LONGEST_WAIT = 5;
const TCP = 6;
/** Shows every packet of the interface. */
const ALL = { name: 'all', select: (trace: Trace) => trace };

/**
 * Shows the packets on an interface that leave and enter the home, in their rhythm on the wire, delayed by the capture's latency. It
 * leaves out packets of the noise's own connections, and all DNS, since the noise's own queries look like any other.
 * @throws the signal's reason; InputError or UsageError where it cannot capture
 */
export async function showHome(options: HomeOptions): Promise<never> {
  const { interface: name, own, signal, onOpen, onPacket, onShown } = options;
  const source = await openCapture({ interface: name, snaplen: HEADERS_SNAPLEN });
  signal.addEventListener('abort', source.stop, { once: true });
  const observer = createLiveObserver({ view: ALL, parameters: {} });
  try {
    signal.throwIfAborted();
    onOpen(source.engine);
    for await (const batch of readLive(source).batches) {
      const trace = observer.take([batch]);
      if (trace === null) continue;
      const { flows, devices } = trace;
      let shown = 0;
      for (let row = 0; row < trace.packets; row++) {
        const flow = trace.flow[row]!;
        const isOwn =
          flows.transport[flow] === TCP &&
          own.has(flows.localPort[flow]!, flows.addresses[flows.remoteAddress[flow]!]!, flows.remotePort[flow]!);
        if (flows.wan[flow] === 0 || isOwn || (trace.protocols[row]! & Protocol.DNS) !== 0) continue;
        const wait = trace.time[row]! + source.latency - Date.now() / 1000;
        if (wait > NO_WAIT) await sleep(Math.min(LONGEST_WAIT, wait) * 1000, undefined, { signal });
        onPacket(devices[trace.device[row]!]!.name, {
          direction: trace.direction[row] as SeenPacket['direction'],
          length: trace.length[row]!,
          header: flows.header[flow]!,
          protocols: trace.protocols[row]!,
          port: trace.port[row]!,
        });
        shown++;
      }
      if (shown > 0) onShown(shown);
    }
    signal.throwIfAborted();
    throw new InputError(`${name}: ${source.engine} ended early: ${await source.ended}`);
  } finally {
    signal.removeEventListener('abort', source.stop);
    source.stop();
    source.stream.resume();
  }
}
