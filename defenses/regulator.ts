import { z } from 'zod';
import { frameSize, homeOrDevice } from '../src/shaping/kit/link-padding.js';
import { createQueue, framesFor } from '../src/shaping/kit/queue.js';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { Direction } from '../src/trace/trace.js';

const parameters = z.object({
  per: homeOrDevice(),
  size: frameSize(600, 'bytes of every frame; 600: about one Tor cell on the wire'),
  rate: z.number().min(1).max(1000).default(277).describe('R: frames a second to the home at the start of a surge'),
  decay: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.94)
    .describe('D: after t seconds of a surge the rate is R D^t, at least 1'),
  threshold: z
    .number()
    .min(0)
    .max(1000)
    .default(3.55)
    .describe('T: a surge begins anew when more than T seconds of frames wait, at the rate of the moment'),
  budget: z
    .int()
    .min(0)
    .max(10_000)
    .default(3550)
    .describe('N: an activity has up to so many cover frames to the home, their number drawn uniformly from 0 to N'),
  ratio: z.number().min(0.5).max(1000).default(3.95).describe('U: one frame from the home for so many to it'),
  cap: z.number().min(0).max(60).default(1.77).describe('C: seconds that a packet from the home waits at most'),
});

type Parameters = z.output<typeof parameters>;

/** Frames a second below which the rate does not fall, as in the published code. */
const LOWEST_RATE = 1;
const NEVER = Number.POSITIVE_INFINITY;

/** The rate of a surge, in frames a second, and the time of its k-th slot, both in seconds from its start. */
function surgeOf({ rate, decay }: Parameters) {
  // The integral of R exp(-lambda t) is the number of slots; solved for the time, so that no error adds up.
  const lambda = -Math.log(decay);
  const slots = lambda === 0 ? NEVER : (rate - LOWEST_RATE) / lambda;
  const seconds = Math.log(rate / LOWEST_RATE) / lambda;
  return {
    rateAt: (t: number): number => Math.max(LOWEST_RATE, rate * decay ** t),
    timeOf(k: number): number {
      if (lambda === 0) return k / rate;
      return k <= slots ? -Math.log1p((-k * lambda) / rate) / lambda : seconds + (k - slots) / LOWEST_RATE;
    },
  };
}

/**
 * RegulaTor. To the home, frames of `size` leave at the decaying rate of a surge, with what waits or, as long as the padding
 * budget lasts, with cover. From the home one frame leaves after every U of them, with what waits or with cover; a packet
 * that has waited for C leaves at once, between those. It was defined for the load of a web page; on the endless traffic
 * of a home an activity begins with a packet of either direction that arrives while there is none: a surge starts with
 * a frame to the home, and a budget is drawn. It ends at the first slot that finds the budget spent and nothing waiting. A slot
 * that finds the budget spent and nothing waiting but for the other direction stays empty.
 *
 * The published unit is the Tor cell of 514 bytes; each is a frame here, whose default size is what such a cell makes on the
 * wire (TLS record, TCP, IP, Ethernet), so that the default rates and budgets are the published ones. A longer packet
 * leaves in parts and counts as so many frames; short ones do not share a frame. Slots follow R D^t exactly, where the
 * published code makes a step of 1 / rate at the rate of its beginning. Left out: the constant rate while Tor builds a circuit.
 * The published code puts uploads at times drawn from those of all downloads; we, causally, after every U-th.
 *
 * Limits: when activities begin is seen, and what comes from the home faster than one in U is seen C later. Frames are no
 * tunnel: ports stay visible under NAPT, and cover bears that of the packet that arrived last; put it before the vpn view, or
 * `vpn`, to hide all but times and lengths.
 */
export default defineDefense({
  name: 'regulator',
  summary: 'Frames to the home at a rate that decays after each surge, and one from it for every few of them.',
  source: 'Holland and Hopper, RegulaTor, PETS 2022; regulator_sim.py of its published code',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  create(given) {
    const { size, threshold, budget, ratio, cap } = given;
    const { rateAt, timeOf } = surgeOf(given);
    const down = createQueue();
    const up = createQueue();
    /** Frames that wait to leave for the home. */
    let backlog = 0;
    // The activity: cover left of its budget, frames sent to the home and, in turn with those, from it.
    let left = 0;
    let downs = 0;
    let ups = 0;
    // The surge: its start, the number of its next slot and when that is; NEVER without activity.
    let start = Number.NaN;
    let slot = 0;
    let due = NEVER;

    const begin = (link: Link): void => {
      left = link.rng.integer(0, budget);
      downs = 0;
      ups = 0;
      start = link.now;
      slot = 0;
      due = start;
    };

    /** Uses a slot to the home, and the turns of the other direction that come with it. */
    const useSlot = (link: Link): void => {
      if (backlog > threshold * rateAt(link.now - start)) {
        start = link.now;
        slot = 0;
      }
      if (backlog > 0) {
        down.send(link, size);
        backlog--;
        downs++;
      } else if (left > 0) {
        link.cover(Direction.INBOUND, size);
        left--;
        downs++;
      } else if (up.packets === 0) {
        due = NEVER;
        return;
      }
      while ((ups + 1) * ratio <= downs) {
        if (!up.send(link, size)) link.cover(Direction.OUTBOUND, size);
        ups++;
      }
      due = start + timeOf(++slot);
    };

    return {
      packet(p, link) {
        if (p.direction === Direction.INBOUND) {
          down.push(p);
          backlog += framesFor(p, size);
        } else {
          up.push(p, link.now);
        }
        if (due === NEVER) begin(link);
        link.wakeAt(Math.min(due, up.since + cap));
      },
      wake(link) {
        const { now } = link;
        while (up.since + cap <= now) up.send(link, size);
        if (due <= now) useSlot(link);
        link.wakeAt(Math.min(due, up.since + cap));
      },
    };
  },
});
