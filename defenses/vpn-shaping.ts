import type { z } from 'zod';
import {
  CELL_HEADER,
  type CellClock,
  type CellQueue,
  cellParameters,
  createCellTunnel,
} from '../src/shaping/kit/cells.js';
import { encapsulationOf, flowOfTunnel } from '../src/shaping/kit/tunnel.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { choice, integer, number, rate, seconds } from '../src/shared/units.js';

/** Lowest rate in kB/s, so that one direction never sends more than 50,000 cells between two of the other. */
const LOWEST_RATE = 0.02;

const parameters = cellParameters
  .safeExtend({
    mode: choice(
      ['constant', 'stepped'],
      'stepped: at the end of each hold the rate is chosen anew from a ladder, by what waits and what came',
    ),
    up: rate('kB/s', [4, 1000], 10, '(10^3 bytes of frames) to the Internet; stepped: the highest rate'),
    down: rate('kB/s', [4, 1000], 30, 'from the Internet; stepped: the highest rate'),
    steps: integer([1, 16], 4, 'stepped: number of rates'),
    factor: number([1.1, 16], 4, 'stepped: each rate over the next lower one'),
    hold: seconds([1, 3600], 10, 'for which a rate is kept (stepped)'),
    queue: number([0, 1e6], 0, 'kB of packets that may wait in each direction, more are dropped; 0 for no limit'),
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

/** The possible rates of one direction, in cells a second, lowest first. */
function ladderOf({ mode, steps, factor }: z.output<typeof parameters>, highest: number): number[] {
  if (mode === 'constant') return [highest];
  return Array.from({ length: steps }, (_, i) => highest / factor ** (steps - 1 - i));
}

/**
 * Sends cell k of an epoch k / rate seconds after its start. The rate of an epoch of `hold` seconds is the lowest that would
 * empty the queue and also carry as much again as arrived in the epoch before.
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

/** A tunnel of cells of one size, which leave whether there is something to send or not; packets share cells. */
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
