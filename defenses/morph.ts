import { z } from 'zod';
import { counterpart, drawLength, type Lengths, toLengths, total } from '../src/shaping/kit/lengths.js';
import { headersOfPart } from '../src/shaping/kit/parts.js';
import { requireTraining } from '../src/shaping/kit/recording.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { suggestion, UsageError } from '../src/shared/errors.js';
import { choice, integer } from '../src/shared/units.js';
import { type Direction, LARGEST_FRAME, Protocol, type Trace } from '../src/trace/trace.js';

/** Lengths of the IP packets of one device, by direction. */
type DeviceLengths = readonly [Lengths, Lengths];

interface Knowledge {
  /** Row of `devices`. */
  readonly target: number;
  /** By row of `devices`. */
  readonly lengths: readonly DeviceLengths[];
}

/** Cover belongs to no device, so nothing is learned from it. */
function learn(trace: Trace): DeviceLengths[] {
  const create = () => new Uint32Array(LARGEST_FRAME + 1);
  const lengths = trace.devices.map((): DeviceLengths => [create(), create()]);
  for (let i = 0; i < trace.packets; i++) {
    if (trace.cover[i] !== 0 || (trace.protocols[i]! & Protocol.IP) === 0) continue;
    const own = lengths[trace.device[i]!];
    if (own) own[trace.direction[i] as Direction][Math.min(trace.length[i]!, LARGEST_FRAME)]!++;
  }
  lengths.flat().forEach(toLengths);
  return lengths;
}

function chooseTarget(device: string, { devices }: Trace, lengths: readonly DeviceLengths[]): number {
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

/** Gives each packet a length drawn from those that the target's packets had in the training traffic, in the same direction. */
export default defineDefense({
  name: 'morph',
  summary: "Pads and cuts packets so that their lengths follow another device's.",
  source: 'Wright, Coull, Monrose, "Traffic Morphing" (NDSS 2009)',
  scope: 'device',
  removedAt: 'tunnel end',
  parameters: z.object({
    device: z
      .string()
      .max(200)
      .default('')
      .describe('name of the device whose lengths all others take on; empty: the one with most packets to learn from'),
    mapping: choice(
      ['direct', 'quantile'],
      "how a length is drawn: from all of the device's, or those of the same rank as the packet's among its own",
    ),
    parts: integer([1, 64], 32, 'frames that a packet is cut into at most; the last takes the rest'),
  }),
  prepare({ device }, training): Knowledge {
    const trace = requireTraining('morph', training);
    const lengths = learn(trace);
    return { target: chooseTarget(device, trace, lengths), lengths };
  },
  create({ mapping, parts }, { target, lengths }) {
    return {
      packet(p, link) {
        const to = lengths[target]![p.direction];
        if (p.device === target || (p.protocols & Protocol.IP) === 0 || total(to) === 0) return link.send(p, p.length);
        const from = lengths[p.device]?.[p.direction];
        const isRanked = mapping === 'quantile' && from !== undefined && total(from) > 0;
        let frame = isRanked ? counterpart(p.length, from, to, link.rng) : drawLength(to, link.rng);
        const headers = headersOfPart(p);
        let rest = p.length;
        // The headers of the first part are the packet's own.
        for (let own = headers, left = parts; ; own = 0, left--) {
          const room = Math.max(1, own + frame - headers);
          if (rest <= room) return link.send(p, frame);
          if (left === 1) return link.send(p, rest + headers - own);
          link.send(p, frame, room);
          rest -= room;
          frame = drawLength(to, link.rng);
        }
      },
    };
  },
});
