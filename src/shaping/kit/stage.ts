import { TCP } from '../../trace/read/frame.js';
import { type Direction, NO_DEVICE, Protocol } from '../../trace/trace.js';
import type { Link, NewFlow, PacketRef, Shaper } from '../shaper.js';
import { IP_HEADER } from './parts.js';
import { createTasks, type Task } from './tasks.js';

/** Bytes of the longest IP packet, of the headers of IPv4 and of TCP with timestamps, and of a full segment behind those. */
export const MTU = 1500;
export const HEADERS = IP_HEADER + 20 + 12;
export const SEGMENT = MTU - HEADERS;

/** Why a live tunnel cannot run a defense whose cover plays on a stage. */
export const NOT_LIVE =
  'its cover is conversations, both directions of them, and each end would make up others than the other end';

/** Puts an IP packet of `bytes` on the wire in a flow of cover; `protocols` by default those of its transport alone. */
export type CoverFlow = (direction: Direction, bytes: number, protocols?: number) => void;

/** Plays cover in flows of its own, which belong to no device. */
export interface Stage {
  /** The link of the task that runs. */
  readonly link: Link;
  /** Bytes of cover so far, link headers included. */
  readonly bytes: number;
  start(task: Task, time: number): void;
  /** Opens a flow, with the link header and the local address of the packet that arrived last. */
  open(flow: NewFlow): CoverFlow;
}

/**
 * A shaper for the home that forwards every packet at once, and plays cover from the first packet to the end of the input.
 * @param begin starts the first tasks; the link is there already
 */
export function createStage(begin: (stage: Stage) => void): Shaper {
  const tasks = createTasks();
  let last: PacketRef | null = null;
  let bytes = 0;
  const stage: Stage = {
    get link() {
      return tasks.link;
    },
    get bytes() {
      return bytes;
    },
    start: tasks.add,
    open(flow) {
      const header = last!.header;
      const usual = Protocol.IP | (flow.transport === TCP ? Protocol.TCP : Protocol.UDP);
      const port = flow.remotePort;
      const row = tasks.link.openFlow(flow);
      return (direction, size, protocols = usual) => {
        bytes += header + size;
        tasks.link.cover(direction, header + size, { protocols, port, flow: row, device: NO_DEVICE });
      };
    },
  };
  return {
    packet(p, link) {
      const isFirst = last === null;
      last = p;
      link.send(p, p.length);
      if (!isFirst) return;
      tasks.run(link);
      begin(stage);
      tasks.run(link);
    },
    wake: tasks.run,
    close: (link) => link.wakeAt(Number.POSITIVE_INFINITY),
  };
}
