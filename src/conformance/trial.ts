import type { DefendedTrace } from '../shaping/account.js';
import { costOf } from '../shaping/cost.js';
import type { Column } from '../shared/columns.js';
import { Cover, FLOW_COLUMNS, LARGEST_FRAME, NO_DEVICE, Protocol, TRACE_COLUMNS, type Trace } from '../trace/trace.js';
import { type Check, demand } from './report.js';

/** Properties that a defense, or several in a row, claim for themselves; see `Defense`. */
export interface Claims {
  readonly separableCover: boolean;
  readonly exceedsMtu: boolean;
  readonly isTunnel: boolean;
}

/** One run of a defense over one trace, and the same once more. */
export interface Trial {
  /** The trace as it was before, and as it is after the run. */
  readonly before: Trace;
  readonly after: Trace;
  readonly defended: DefendedTrace;
  readonly again: DefendedTrace;
  readonly claims: Claims;
}

/** A check that any run of any defense must pass, whatever its parameters. */
export interface TrialCheck extends Check {
  /** @throws Violation */
  check(trial: Trial): void;
}

const leavesInputAlone: TrialCheck = {
  name: 'leaves-its-input-alone',
  summary: 'The trace that goes in is the same afterwards.',
  check({ before, after }) {
    const column = firstDifference(before, after);
    demand(column === null, `the trace that went in was changed: ${column}`);
  },
};

const sameForSameSeed: TrialCheck = {
  name: 'same-for-the-same-seed',
  summary: 'All chance comes from the link: with the same seed the same frames.',
  check({ defended, again }) {
    const column = firstDifference(defended.trace, again.trace);
    demand(column === null, `two runs with one seed differ: ${column}`);
  },
};

const forwardInTime: TrialCheck = {
  name: 'forward-in-time',
  summary: 'Frames leave in order of time, none before what it carries has arrived.',
  check({ before, defended }) {
    const { time } = defended.trace;
    const { start, packet } = defended.account;
    for (let frame = 0; frame < time.length; frame++) {
      demand(Number.isFinite(time[frame]!), `frame ${frame} left at ${time[frame]}`);
      demand(frame === 0 || time[frame]! >= time[frame - 1]!, `frame ${frame} left before the one before it`);
      for (let j = start[frame]!; j < start[frame + 1]!; j++) {
        demand(
          time[frame]! >= before.time[packet[j]!]!,
          `frame ${frame} left before packet ${packet[j]}, which it carries, arrived`,
        );
      }
    }
  },
};

const conservesBytes: TrialCheck = {
  name: 'conserves-bytes',
  summary: 'Each byte of a packet is sent once, in its direction, or the packet counts as lost.',
  check({ before, defended }) {
    const { start, packet, bytes } = defended.account;
    const carried = new Float64Array(before.packets);
    const carriesAny = (frame: number) => bytes.subarray(start[frame], start[frame + 1]).some((count) => count > 0);
    for (let frame = 0; frame < defended.trace.packets; frame++) {
      for (let j = start[frame]!; j < start[frame + 1]!; j++) {
        const id = packet[j]!;
        const isPadding = defended.trace.cover[frame] !== Cover.NONE && !carriesAny(frame);
        demand(bytes[j]! >= 1 || isPadding, `frame ${frame} carries ${bytes[j]} bytes of packet ${id}`);
        demand(before.direction[id] === defended.trace.direction[frame], `frame ${frame} turned packet ${id} round`);
        carried[id]! += bytes[j]!;
      }
    }
    let lost = 0;
    for (let i = 0; i < before.packets; i++) {
      const whole = carried[i] === before.length[i];
      demand(
        carried[i]! <= before.length[i]!,
        `${carried[i]} bytes of packet ${i} were sent, which has ${before.length[i]}`,
      );
      demand(whole !== Number.isNaN(defended.delivered[i]!), `packet ${i} is called lost and was not, or the reverse`);
      if (!whole && before.cover[i] === 0) lost++;
    }
    demand(lost === defended.dropped, `${lost} packets were lost, and ${defended.dropped} called so`);
  },
};

const keepsOrder: TrialCheck = {
  name: 'keeps-the-order-of-flows',
  summary: 'Packets of one flow and direction are delivered in the order in which they arrived.',
  check({ before, defended }) {
    // Frame with the last byte of each packet that is sent whole.
    const end = new Int32Array(before.packets).fill(-1);
    const { start, packet, bytes } = defended.account;
    for (let frame = 0; frame < defended.trace.packets; frame++) {
      for (let j = start[frame]!; j < start[frame + 1]!; j++) if (bytes[j]! > 0) end[packet[j]!] = frame;
    }
    const last = new Map<number, number>();
    for (let i = 0; i < before.packets; i++) {
      if (Number.isNaN(defended.delivered[i]!)) continue;
      const stream = before.flow[i]! * 2 + before.direction[i]!;
      demand(end[i]! >= (last.get(stream) ?? 0), `packet ${i} was delivered before an earlier one of its flow`);
      last.set(stream, end[i]!);
    }
  },
};

const knowsCover: TrialCheck = {
  name: 'knows-its-cover',
  summary:
    'A frame is cover where it carries nothing of a real packet, else it belongs to a device of which it carries some.',
  check({ before, defended }) {
    const { start, packet } = defended.account;
    const { cover, device } = defended.trace;
    for (let frame = 0; frame < defended.trace.packets; frame++) {
      let isReal = false;
      let isOwned = false;
      for (let j = start[frame]!; j < start[frame + 1]!; j++) {
        if (before.cover[packet[j]!] !== 0) continue;
        isReal = true;
        isOwned ||= before.device[packet[j]!] === device[frame];
      }
      demand((cover[frame] === 1) === !isReal, `frame ${frame} is wrong about being cover`);
      demand(!isReal || isOwned, `frame ${frame} belongs to a device that it carries nothing of`);
    }
  },
};

const looksLikeItsPackets: TrialCheck = {
  name: 'looks-like-its-packets',
  summary: 'Outside a tunnel a frame has the flow, port and protocols of a packet that it carries.',
  check({ before, defended, claims }) {
    if (claims.isTunnel) return;
    const { start, packet } = defended.account;
    const { flow, port, protocols } = defended.trace;
    for (let frame = 0; frame < defended.trace.packets; frame++) {
      let isLike = start[frame] === start[frame + 1];
      for (let j = start[frame]!; j < start[frame + 1]! && !isLike; j++) {
        const id = packet[j]!;
        isLike =
          flow[frame] === before.flow[id] &&
          port[frame] === before.port[id] &&
          protocols[frame] === before.protocols[id];
      }
      demand(isLike, `frame ${frame} has flow, port and protocols of no packet that it carries`);
    }
  },
};

const opensSoundFlows: TrialCheck = {
  name: 'opens-sound-flows',
  summary:
    'Outside a tunnel cover is of a flow that there is, with its port and transport protocol, and of a device that there is.',
  check({ defended, claims }) {
    const { trace } = defended;
    const { flows } = trace;
    for (let frame = 0; frame < trace.packets; frame++) {
      if (trace.cover[frame] === 0) continue;
      const device = trace.device[frame]!;
      demand(device === NO_DEVICE || device < trace.devices.length, `frame ${frame}: there is no device ${device}`);
      if (claims.isTunnel) continue;
      const flow = trace.flow[frame]!;
      demand(flow < flows.count, `frame ${frame}: there is no flow ${flow}`);
      const wanted = flows.remotePort[flow];
      demand(
        trace.port[frame] === wanted,
        `frame ${frame} is cover with port ${trace.port[frame]} in a flow to ${wanted}`,
      );
      const transport = flows.transport[flow]!;
      const bits = trace.protocols[frame]!;
      const fits = transportOf(bits) === (transport === 6 || transport === 17 ? transport : 0);
      demand(fits, `frame ${frame} is cover with protocols ${bits} in a flow of IP protocol ${transport}`);
    }
  },
};

/** The IP protocol number that a `protocols` column tells of: 6, 17, or 0 for neither. */
function transportOf(protocols: number): number {
  const [tcp, udp] = [(protocols & Protocol.TCP) !== 0, (protocols & Protocol.UDP) !== 0];
  return tcp === udp ? 0 : tcp ? 6 : 17;
}

const costsWhatItSends: TrialCheck = {
  name: 'costs-what-it-sends',
  summary: 'Overhead and delay are what a recount from the frames gives.',
  check({ before, defended }) {
    const cost = costOf(defended, before);
    const sum = (lengths: Uint32Array) => lengths.reduce((a, b) => a + b, 0);
    const bytes = sum(before.length);
    const overhead = bytes === 0 ? null : (sum(defended.trace.length) - bytes) / bytes;
    demand(
      cost.bandwidthOverhead === overhead,
      `bandwidth overhead ${cost.bandwidthOverhead}, a recount gives ${overhead}`,
    );
    let longest: number | null = null;
    for (let i = 0; i < before.packets; i++) {
      const delay = defended.delivered[i]! - before.time[i]!;
      if (before.cover[i] === 0 && !Number.isNaN(delay)) longest = Math.max(longest ?? 0, delay);
    }
    demand(cost.addedDelay.max === longest, `longest delay ${cost.addedDelay.max}, a recount gives ${longest}`);
  },
};

/** Not of every parameter: a user may well ask for more. */
export const keepsMtu: TrialCheck = {
  name: 'keeps-to-the-mtu',
  summary: `No frame is longer than ${LARGEST_FRAME} bytes, or than a packet that it carries, unless exceedsMtu is declared.`,
  check({ before, defended, claims }) {
    if (claims.exceedsMtu) return;
    const { start, packet } = defended.account;
    for (let frame = 0; frame < defended.trace.packets; frame++) {
      let allowed = LARGEST_FRAME;
      for (let j = start[frame]!; j < start[frame + 1]!; j++) allowed = Math.max(allowed, before.length[packet[j]!]!);
      const { length } = defended.trace;
      demand(length[frame]! <= allowed, `frame ${frame} has ${length[frame]} bytes`);
    }
  },
};

/** Checks that every run must pass, whatever the defense does. */
export const trialChecks: readonly TrialCheck[] = [
  leavesInputAlone,
  sameForSameSeed,
  forwardInTime,
  conservesBytes,
  keepsOrder,
  knowsCover,
  looksLikeItsPackets,
  opensSoundFlows,
  costsWhatItSends,
];

/** Names the first difference of two traces, 'length of packet 3', or returns null if they are the same. */
export function firstDifference(one: Trace, other: Trace): string | null {
  if (one.packets !== other.packets) return `${one.packets} and ${other.packets} packets`;
  for (const name of TRACE_COLUMNS.names) {
    const row = firstUnequal(one[name], other[name]);
    if (row >= 0) return `${name} of packet ${row}, ${one[name][row]} and ${other[name][row]}`;
  }
  if (one.flows === other.flows) return null;
  for (const name of FLOW_COLUMNS.names) {
    const row = firstUnequal(one.flows[name], other.flows[name]);
    if (row >= 0) return `${name} of flow ${row}, ${one.flows[name][row]} and ${other.flows[name][row]}`;
  }
  return null;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Column) => Buffer.from(buffer, byteOffset, byteLength);

/** The first row in which two columns differ; -1 for none. */
function firstUnequal(one: Column, other: Column): number {
  if (bytesOf(one).equals(bytesOf(other))) return -1;
  const rows = Math.max(one.length, other.length);
  for (let row = 0; row < rows; row++) if (!Object.is(one[row], other[row])) return row;
  return -1;
}
