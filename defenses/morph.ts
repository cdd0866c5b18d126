import { z } from 'zod';
import { headersOfPart } from '../src/shaping/kit/parts.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { suggestion, UsageError } from '../src/shared/errors.js';
import type { Rng } from '../src/shared/rng.js';
import { type Direction, LARGEST_FRAME, Protocol, type Trace } from '../src/trace/trace.js';

const parameters = z.object({
  device: z
    .string()
    .max(200)
    .default('')
    .describe('name of the device whose lengths all others take on; empty: the one with most packets to learn from'),
  mapping: z
    .enum(['direct', 'quantile'])
    .default('direct')
    .describe(
      "how a length is drawn: from all of the device's, or those of the same rank as the packet's among its own",
    ),
  parts: z
    .int()
    .min(1)
    .max(64)
    .default(32)
    .describe('frames that a packet is cut into at most; the last takes the rest'),
});

type Parameters = z.output<typeof parameters>;

/** Frames counted by length: of at most so many bytes, by that number. */
type Lengths = Uint32Array;

const total = (lengths: Lengths): number => lengths[LARGEST_FRAME]!;

/** The length of the frame of rank `rank`, from 1, the shortest first. */
function lengthOf(lengths: Lengths, rank: number): number {
  let low = 0;
  let high = LARGEST_FRAME;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lengths[middle]! < rank) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Each frame as likely as the others. */
const draw = (lengths: Lengths, rng: Rng): number => lengthOf(lengths, rng.integer(1, total(lengths)));

/**
 * The length that stands among `to` where `length` stands among `from`, by chance where several do. Of all ways to turn the one
 * distribution into the other this moves the fewest bytes in sum: what the paper's convex program finds (its cost is the difference
 * of two lengths, and on a line the monotone coupling is optimal for every convex cost of it).
 */
function counterpart(length: number, from: Lengths, to: Lengths, rng: Rng): number {
  const at = Math.min(length, LARGEST_FRAME);
  const below = from[at - 1]!;
  const rank = below + (from[at]! - below) * (1 - rng.uniform());
  return lengthOf(to, Math.max(1, Math.ceil((rank / total(from)) * total(to))));
}

/** Of each direction. */
type LengthsByDirection = readonly [Lengths, Lengths];

interface Knowledge {
  /** Row of `devices`. */
  readonly target: number;
  /** By row of `devices`. */
  readonly lengths: readonly LengthsByDirection[];
}

/** The lengths of the IP packets of each device; cover is nobody's. */
function learn(trace: Trace): LengthsByDirection[] {
  const lengths = trace.devices.map(
    (): LengthsByDirection => [new Uint32Array(LARGEST_FRAME + 1), new Uint32Array(LARGEST_FRAME + 1)],
  );
  for (let i = 0; i < trace.packets; i++) {
    if (trace.cover[i] !== 0 || (trace.protocols[i]! & Protocol.IP) === 0) continue;
    const own = lengths[trace.device[i]!];
    if (own) own[trace.direction[i] as Direction][Math.min(trace.length[i]!, LARGEST_FRAME)]!++;
  }
  for (const one of lengths.flat()) for (let i = 1; i <= LARGEST_FRAME; i++) one[i]! += one[i - 1]!;
  return lengths;
}

function chooseTarget({ device }: Parameters, { devices }: Trace, lengths: readonly LengthsByDirection[]): number {
  const packets = lengths.map(([inbound, outbound]) => total(inbound) + total(outbound));
  const most = Math.max(0, ...packets);
  if (most === 0)
    throw new UsageError('defense morph: expected IP packets of a device in the training traffic, found none');
  if (device === '') return packets.indexOf(most);
  const row = devices.findIndex(({ name }) => name === device);
  if (row >= 0 && packets[row]! > 0) return row;
  const known = devices.filter((_, one) => packets[one]! > 0).map(({ name }) => name);
  throw new UsageError(
    `defense morph: device: expected one with training traffic (${known.join(', ')}), found "${device}"${suggestion(device, known)}`,
  );
}

/**
 * Gives each packet a length drawn from those that another device's packets had in the training traffic, in the same direction. A
 * packet that is shorter is padded; a longer one is cut, and its rest gets lengths drawn in the same way (`direct`, whatever
 * the mapping), each part with headers of its own. So the lengths of all frames follow the target's, but that a part always carries
 * one byte at least, and that the last of `parts` takes all that is left. Times and counts are not changed, and say as much as before.
 *
 * `direct` looks at the target alone ("direct target sampling" in Dyer et al., S&P 2012); `quantile` is the paper's morphing matrix
 * in the form that needs no solver. Neither adds packets at the end to bring the lengths of a short
 * trace closer to the target's, as Dyer et al. do. With `quantile` the lengths follow the target's as closely as a device's own
 * follow those of its training; a device that was not seen there is mapped `direct`.
 * The target's own packets, frames without IP, and a direction in which the target has no packet stay as they are.
 */
export default defineDefense({
  name: 'morph',
  summary: "Pads and cuts packets so that their lengths follow another device's.",
  source: 'Wright, Coull, Monrose, "Traffic Morphing" (NDSS 2009)',
  scope: 'device',
  removedAt: 'tunnel end',
  parameters,
  prepare(given, { trace }): Knowledge {
    if (!trace) throw new UsageError('defense morph: expected training traffic to learn from, found none');
    const lengths = learn(trace);
    return { target: chooseTarget(given, trace, lengths), lengths };
  },
  create({ mapping, parts }, { target, lengths }) {
    return {
      packet(p, link) {
        const to = lengths[target]![p.direction];
        if (p.device === target || (p.protocols & Protocol.IP) === 0 || total(to) === 0) return link.send(p, p.length);
        const from = lengths[p.device]?.[p.direction];
        const isRanked = mapping === 'quantile' && from !== undefined && total(from) > 0;
        let frame = isRanked ? counterpart(p.length, from, to, link.rng) : draw(to, link.rng);
        const headers = headersOfPart(p);
        let rest = p.length;
        // What the first part has in front is of the packet itself.
        for (let own = headers, left = parts; ; own = 0, left--) {
          const room = Math.max(1, own + frame - headers);
          if (rest <= room) return link.send(p, frame);
          if (left === 1) return link.send(p, rest + headers - own);
          link.send(p, frame, room);
          rest -= room;
          frame = draw(to, link.rng);
        }
      },
    };
  },
});
