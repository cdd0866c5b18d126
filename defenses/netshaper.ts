import type { z } from 'zod';
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
import { atLeast, atMost, number, seconds } from '../src/shared/units.js';

const TO = 'to the Internet';
const FROM = 'from the Internet';
const rate = (usual: number, least: number, rest: string) => number([least, 1000], usual, `kB/s ${rest}`);
const interval = (usual: number, way: string) => seconds([0.005, 10], usual, `from one decision to the next, ${way}`);
const window = (usual: number, way: string) =>
  seconds([0.005, 3600], usual, `over which epsilon and delta hold, ${way}`);
const sensitivity = (usual: number, way: string) =>
  number([0, 1e9], usual, `bytes ${way} by which traffic to be told apart differs`);

const parameters = cellParameters
  .safeExtend({
    epsilon: number([0.01, 100], 1, 'privacy loss of each direction over its window'),
    delta: number([1e-12, 0.1], 1e-6, 'probability that the loss is larger'),
    intervalUp: interval(0.01, TO),
    intervalDown: interval(1, FROM),
    windowUp: window(1, TO),
    windowDown: window(5, FROM),
    sensitivityUp: sensitivity(1000, TO),
    sensitivityDown: sensitivity(10_000, FROM),
    minimumUp: rate(0, 0, `of IP packets and dummy bytes sent at least, ${TO}`),
    minimumDown: rate(0, 0, `sent at least, ${FROM}`),
    maximumUp: rate(100, 4, `sent at most, ${TO}; what is more waits`),
    maximumDown: rate(300, 4, `sent at most, ${FROM}; what is more waits`),
  })
  .check(
    atLeast('windowUp', 'intervalUp'),
    atMost('minimumUp', 'maximumUp'),
    atLeast('windowDown', 'intervalDown'),
    atMost('minimumDown', 'maximumDown'),
  );

/** The decision of one direction every `interval` seconds. */
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
  // Decisions in a window, less a rounding error of the division.
  const releases = Math.ceil(given[`window${way}`] / interval - 1e-9);
  return {
    interval,
    deviation: gaussianDeviation({ epsilon, delta, sensitivity: given[`sensitivity${way}`], releases }),
    minimum: Math.ceil(given[`minimum${way}`] * 1000 * interval),
    maximum: Math.floor(given[`maximum${way}`] * 1000 * interval),
  };
}

/** At the end of each interval, sends as many bytes as wait plus noise, in full cells and a shorter last one. */
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

/** The noise is calibrated by Rényi accounting over the decisions of a window, as in github.com/ubc-systopia/netshaper. */
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
