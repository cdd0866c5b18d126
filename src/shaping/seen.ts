import { take } from '../shared/columns.js';
import { mapSeen, type Seen } from '../trace/seen.js';
import type { Trace } from '../trace/trace.js';
import type { Carried } from './account.js';

/**
 * The columns of `seen` for the frames that a stage made of the packets of `input`, outside any tunnel. A frame looks like the packet that
 * it carries, or a part of, and of several in its flow like the one with most bytes there. Cover looks like the frame before it in its
 * flow and direction, or else in its direction, as a defense that took care would have it, since zeros would tell it from all others. Before the
 * first such frame it has zeros.
 *
 * Everything that a frame is longer than its packet counts as payload, and what it is shorter is taken from there, as if each piece of a packet
 * had all its headers. The entropy stays that of the real payload: what padding is made of is not simulated.
 */
export function seenOfFrames(input: Trace, sent: Carried): { readonly seen?: Seen } {
  if (input.seen === undefined) return {};
  const models = modelsOf(input, sent);
  const rows = Uint32Array.from(models, (model) => Math.max(model, 0));
  return mapSeen(input, (column, name) => {
    const values = take(column, rows);
    for (const [frame, model] of models.entries()) {
      if (model === NONE) values[frame] = 0;
      else if (name === 'payloadLength' && hasPorts(input, model)) {
        const headers = input.length[model]! - column[model]!;
        values[frame] = Math.max(0, sent.trace.length[frame]! - headers);
      }
    }
    return values;
  });
}

const NONE = -1;

/** For each frame, the packet of `input` that it looks like, or NONE. */
function modelsOf(input: Trace, { trace, account: { start, packet, bytes } }: Carried): Int32Array {
  const { flow, direction, packets, flows } = trace;
  const models = new Int32Array(packets).fill(NONE);
  const last = new Int32Array(flows.count * 2).fill(NONE);
  const lastOfAll = [NONE, NONE];
  for (let frame = 0; frame < packets; frame++) {
    const way = flow[frame]! * 2 + direction[frame]!;
    let most = -1;
    for (let j = start[frame]!; j < start[frame + 1]!; j++) {
      if (bytes[j]! <= most || input.flow[packet[j]!] !== flow[frame]) continue;
      most = bytes[j]!;
      last[way] = packet[j]!;
      lastOfAll[direction[frame]!] = packet[j]!;
    }
    models[frame] = last[way] === NONE ? lastOfAll[direction[frame]!]! : last[way]!;
  }
  return models;
}

/** Whether a packet's payload is that of TCP or UDP. */
function hasPorts({ flow, flows }: Trace, row: number): boolean {
  const transport = flows.transport[flow[row]!]!;
  return transport === 6 || transport === 17;
}
