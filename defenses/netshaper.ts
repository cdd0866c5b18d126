import { z } from 'zod';
import {
  CELL_HEADER,
  type CellClock,
  type CellQueue,
  cellParameters,
  createCellTunnel,
} from '../src/shaping/kit/cells.js';
import { gaussianDeviation } from '../src/shaping/kit/privacy.js';
import { encapsulationOf, flowOfTunnel } from '../src/shaping/kit/tunnel.js';
import { defineDefense } from '../src/shaping/shaper.js';

const seconds = (low: number, high: number, usual: number) => z.number().min(low).max(high).default(usual);
const sensitivity = (bytes: number) => z.number().min(0).max(1e9).default(bytes);
const maximum = (kilobytes: number) => z.number().min(4).max(1000).default(kilobytes);
const minimum = z.number().min(0).max(1000).default(0);

const parameters = cellParameters
  .safeExtend({
    epsilon: z.number().min(0.01).max(100).default(1).describe('privacy loss of each direction over its window'),
    delta: z.number().min(1e-12).max(0.1).default(1e-6).describe('probability that the loss is larger'),
    intervalUp: seconds(0.005, 10, 0.01).describe('seconds from one decision to the next, to the Internet'),
    intervalDown: seconds(0.005, 10, 1).describe('seconds from one decision to the next, from the Internet'),
    windowUp: seconds(0.005, 3600, 1).describe('seconds over which epsilon and delta hold, to the Internet'),
    windowDown: seconds(0.005, 3600, 5).describe('seconds over which epsilon and delta hold, from the Internet'),
    sensitivityUp: sensitivity(1000).describe('bytes to the Internet by which traffic to be told apart differs'),
    sensitivityDown: sensitivity(10_000).describe('bytes from the Internet by which traffic to be told apart differs'),
    minimumUp: minimum.describe('kB/s of IP packets and dummy bytes sent at least, to the Internet'),
    minimumDown: minimum.describe('kB/s sent at least, from the Internet'),
    maximumUp: maximum(100).describe('kB/s sent at most, to the Internet; what is more waits'),
    maximumDown: maximum(300).describe('kB/s sent at most, from the Internet; what is more waits'),
  })
  .superRefine((given, context) => {
    for (const way of ['Up', 'Down'] as const) {
      const window = given[`window${way}`];
      const interval = given[`interval${way}`];
      const low = given[`minimum${way}`];
      const high = given[`maximum${way}`];
      if (window < interval) {
        const message = `expected at least interval${way}, which is ${interval}`;
        context.addIssue({ code: 'custom', path: [`window${way}`], message });
      }
      if (low > high) {
        const message = `expected at most maximum${way}, which is ${high}`;
        context.addIssue({ code: 'custom', path: [`minimum${way}`], message });
      }
    }
  });

/** What one direction does every `interval` seconds. */
interface Rule {
  readonly interval: number;
  /** Standard deviation of the noise, in bytes. */
  readonly deviation: number;
  /** Bytes that an interval sends at least and at most. */
  readonly minimum: number;
  readonly maximum: number;
}

function ruleOf(given: z.output<typeof parameters>, way: 'Up' | 'Down'): Rule {
  const { epsilon, delta } = given;
  const interval = given[`interval${way}`];
  // Decisions in a window; what division leaves behind the comma makes no further one.
  const releases = Math.ceil(given[`window${way}`] / interval - 1e-9);
  return {
    interval,
    deviation: gaussianDeviation({ epsilon, delta, sensitivity: given[`sensitivity${way}`], releases }),
    minimum: Math.ceil(given[`minimum${way}`] * 1000 * interval),
    maximum: Math.floor(given[`maximum${way}`] * 1000 * interval),
  };
}

/** At the end of interval k, counted from 1, sends as many bytes as wait, give or take the noise, in full cells and a last one. */
function createDecisionClock(start: number, rule: Rule, cell: number, queue: CellQueue): CellClock {
  const { interval, deviation, minimum, maximum } = rule;
  let decisions = 1;
  return {
    next: start + interval,
    tick(link) {
      const noisy = deviation === 0 ? queue.bytes : Math.round(link.rng.normal(queue.bytes, deviation));
      let left = Math.min(maximum, Math.max(minimum, noisy));
      for (; left > 0; left -= cell - CELL_HEADER) queue.send(link, Math.min(cell, left + CELL_HEADER));
      this.next = start + ++decisions * interval;
    },
  };
}

/**
 * At the end of each interval a direction sends as many bytes as wait in its queue plus normal noise, held between minimum and
 * maximum: dummy bytes fill what is not there, and what does not fit waits. Cells are full but the last of an interval, which is as
 * long as what is left to send.
 *
 * What it guarantees: whoever sees all decisions within a window (window / interval of them) cannot tell two streams of
 * one direction apart that differ by at most `sensitivity` bytes, but as (epsilon, delta)-differential privacy allows: lengths and
 * number of frames follow from the decisions alone. The noise is calibrated by Rényi accounting over the decisions of a window,
 * as in the authors' code (github.com/ubc-systopia/netshaper). What it does not:
 * - longer than a window. n windows cost n times the Rényi loss of one, about sqrt(n) times epsilon while that is small. A byte
 *   that waits for longer than a window, as under a low maximum, takes part in the decisions of several.
 * - both directions together: they are two mechanisms, whose losses add up.
 * - which devices there are: differences larger than the sensitivity, and those that last. The authors hide the content of a stream, not
 *   which application it is of. Their sensitivities are 200 bytes up, and 60 kB (web pages) or 2.5 MB (video) down, with
 *   hundreds of streams to share the cost; the defaults here, for the small messages of one home's devices, and the
 *   maxima are our choice.
 * Nor is the noise safe against an observer who makes use of how floating-point numbers are rounded.
 */
export default defineDefense({
  name: 'netshaper',
  summary: 'A VPN tunnel that sends, each interval, as many bytes as wait plus noise: differentially private sizes.',
  source:
    'Sabzi et al., "NetShaper" (USENIX Security 2024), arXiv 2310.06293: mechanism, intervals, windows, epsilon, delta; sensitivities and maxima are our choice',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters,
  tunnel: flowOfTunnel,
  create(given) {
    const encapsulation = encapsulationOf({ tunnel: given.tunnel, mtu: given.cell });
    const rules = [ruleOf(given, 'Down'), ruleOf(given, 'Up')] as const;
    return createCellTunnel(encapsulation, Number.POSITIVE_INFINITY, (direction, start, queue) =>
      createDecisionClock(start, rules[direction], encapsulation.mtu, queue),
    );
  },
});
