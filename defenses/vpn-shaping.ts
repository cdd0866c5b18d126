import { z } from 'zod';
import {
  CELL_HEADER,
  type CellClock,
  type CellQueue,
  cellParameters,
  createCellTunnel,
} from '../src/shaping/kit/cells.js';
import { encapsulationOf, flowOfTunnel } from '../src/shaping/kit/tunnel.js';
import { defineDefense } from '../src/shaping/shaper.js';

/** kB/s. No cell then leaves so seldom that the other direction sends more than 50,000 in between. */
const LOWEST_RATE = 0.02;

const rate = (kilobytes: number) => z.number().min(4).max(1000).default(kilobytes);

const parameters = cellParameters
  .safeExtend({
    mode: z
      .enum(['constant', 'stepped'])
      .default('constant')
      .describe('stepped: at the end of each hold the rate is chosen anew from a ladder, by what waits and what came'),
    up: rate(10).describe('kB/s (10^3 bytes of frames) to the Internet; stepped: the highest rate'),
    down: rate(30).describe('kB/s from the Internet; stepped: the highest rate'),
    steps: z.int().min(1).max(16).default(4).describe('stepped: number of rates'),
    factor: z.number().min(1.1).max(16).default(4).describe('stepped: each rate over the next lower one'),
    hold: z.number().min(1).max(3600).default(10).describe('stepped: seconds for which a rate is kept'),
    queue: z
      .number()
      .min(0)
      .max(1e6)
      .default(0)
      .describe('kB of packets that may wait in each direction, more are dropped; 0 for no limit'),
  })
  .refine(({ mode, ...ladder }) => mode === 'constant' || lowestOf(ladder) >= LOWEST_RATE, {
    error: ({ input }) =>
      `steps: expected a lowest rate of at least ${LOWEST_RATE} kB/s, found ${lowestOf(input as Ladder).toPrecision(2)}`,
  });

interface Ladder {
  readonly up: number;
  readonly down: number;
  readonly steps: number;
  readonly factor: number;
}

function lowestOf({ up, down, steps, factor }: Ladder): number {
  return Math.min(up, down) / factor ** (steps - 1);
}

/** The rates that one direction may have, in cells/s, lowest first. */
function ladderOf({ mode, steps, factor }: z.output<typeof parameters>, highest: number): number[] {
  if (mode === 'constant') return [highest];
  return Array.from({ length: steps }, (_, i) => highest / factor ** (steps - 1 - i));
}

/**
 * Sends cell k of an epoch k / rate seconds after it began. For each epoch of `hold` seconds the rate is the lowest that would take
 * out what waits and as much again as came in the epoch before.
 */
function createRateClock(start: number, ladder: number[], hold: number, cell: number, queue: CellQueue): CellClock {
  const highest = ladder.at(-1)!;
  let epoch = 0;
  let from = start;
  let slot = 0;
  let rate = highest;
  let entered = 0;
  return {
    next: start,
    tick(link) {
      if (slot === 0) {
        const wanted = queue.bytes + queue.entered - entered;
        entered = queue.entered;
        rate = ladder.find((one) => Math.ceil(one * hold) * (cell - CELL_HEADER) >= wanted) ?? highest;
      }
      queue.send(link, cell);
      this.next = from + ++slot / rate;
      const end = start + (epoch + 1) * hold;
      if (this.next < end) return;
      this.next = from = end;
      epoch++;
      slot = 0;
    },
  };
}

/**
 * A tunnel of cells of one size, which leave whether there is something to send or not: packets wait in one queue for each
 * direction and share cells. With a constant rate an observer sees the same frames at the same times whatever the home does, but
 * when the first packet comes, and after the last one how long it takes until nothing waits.
 *
 * With stepped rates an observer learns, besides, at most log2(steps) bits in each direction every `hold` seconds: the bound is of
 * Fletcher et al., "Suppressing the Oblivious RAM timing channel while making information leakage and program efficiency
 * trade-offs" (HPCA 2014), which changes the rate of memory accesses at the ends of epochs, among a few rates. Here epochs
 * are all of one length; ladder and rule are our choice.
 *
 * The default rates make 40 kB/s together, or 104 GB in 30 days, what Apthorpe et al. found their laboratory's home to need.
 * They are not made for people who watch films: what does not fit waits, for hours if need be, unless `queue` limits it.
 */
export default defineDefense({
  name: 'vpn-shaping',
  summary: 'A VPN tunnel of cells of one size at a constant or a stepped rate, cover in empty slots.',
  source:
    'independent link padding in a tunnel: Apthorpe et al., arXiv 1812.00955, section 5.3; cells: RFC 9347; stepped rates: our choice after Fletcher et al. (HPCA 2014)',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters,
  tunnel: flowOfTunnel,
  create(given) {
    const { tunnel, cell, mode, up, down, hold, queue: limit } = given;
    const encapsulation = encapsulationOf({ tunnel, mtu: cell });
    const room = limit === 0 ? Number.POSITIVE_INFINITY : limit * 1000;
    const { mtu, frame } = encapsulation;
    return createCellTunnel(encapsulation, room, (direction, start, queue) => {
      const highest = ((direction === 1 ? up : down) * 1000) / frame(mtu);
      const epoch = mode === 'constant' ? Number.POSITIVE_INFINITY : hold;
      return createRateClock(start, ladderOf(given, highest), epoch, mtu, queue);
    });
  },
});
