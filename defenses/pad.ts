import { z } from 'zod';
import { defineDefense, type Link } from '../src/shaping/shaper.js';

const parameters = z
  .object({
    rule: z
      .enum(['mtu', 'linear', 'exponential', 'mice-elephants', 'random', 'uniform', 'gaussian', 'levels', 'block'])
      .default('mtu')
      .describe('how the new length follows from the old one'),
    size: z
      .int()
      .min(64)
      .max(65_535)
      .default(1500)
      .describe('frame length in bytes that no padding exceeds (1514 takes in full Ethernet frames); longer ones stay'),
    step: z.int().min(1).max(65_535).default(128).describe('linear: up to a multiple of so many bytes'),
    block: z.int().min(1).max(65_535).default(16).describe('block: up to a multiple of so many bytes'),
    mice: z
      .int()
      .min(1)
      .max(65_535)
      .default(128)
      .describe('mice-elephants: bytes of a small frame; all others get size'),
    width: z.int().min(0).max(65_535).default(255).describe('random: at most so many bytes are added, at least 1'),
    mean: z.number().min(0).max(65_535).default(400).describe('gaussian: mean of the bytes added'),
    deviation: z.number().min(0).max(65_535).default(100).describe('gaussian: standard deviation of the bytes added'),
  })
  .refine(({ rule, mice, size }) => rule !== 'mice-elephants' || mice <= size, {
    path: ['mice'],
    error: ({ input }) => `expected at most size, which is ${(input as { size: number }).size}`,
  });

type Parameters = z.output<typeof parameters>;

/** New length of a frame of `length` bytes, before it is held between `length` and `size`. */
type Rule = (length: number, link: Link) => number;

/**
 * `mtu`, `linear`, `exponential`, `mice-elephants`, `random` (there "packet random 255") and `uniform` ("packet random MTU"):
 * Dyer et al., "Peek-a-Boo, I Still See You" (S&P 2012), which draws multiples of 8 bytes where we draw any number.
 * `levels`: Pinheiro et al., "Adaptive Packet Padding Approach for Smart Home Networks" (IEEE IoT Journal 2021), its level
 * 100, with the thresholds of its published code. `gaussian`, and the default of `block` (AES's), are our choice.
 */
function ruleOf({ rule, size, step, block, mice, width, mean, deviation }: Parameters): Rule {
  switch (rule) {
    case 'mtu':
      return () => size;
    case 'linear':
      return (length) => Math.ceil(length / step) * step;
    case 'exponential':
      return (length) => 2 ** Math.ceil(Math.log2(length));
    case 'mice-elephants':
      return (length) => (length <= mice ? mice : size);
    case 'random':
      return width === 0 ? (length) => length : (length, { rng }) => length + rng.integer(1, width);
    case 'uniform':
      return (length, { rng }) => (length < size ? rng.integer(length, size) : length);
    case 'gaussian':
      return (length, { rng }) => length + Math.round(rng.normal(mean, deviation));
    case 'levels':
      return (length, { rng }) => {
        if (length < 100) return 100;
        if (length < 200) return 200;
        if (length < 300) return 300;
        if (length < 999) return length + rng.integer(1, 1000 - length);
        if (length < 1400) return length + rng.integer(1, 1400 - length);
        return size;
      };
    case 'block':
      return (length) => Math.ceil(length / block) * block;
  }
}

/**
 * Pads each frame on its own, as it passes. No frame gets shorter, and none longer than `size` by padding: a frame that is
 * longer already (1514 bytes with `size` 1500, a jumbo frame, segments merged by the capturing host) is sent as it is.
 * In front of a tunnel a `size` of 1500 makes two tunnel packets of each; 1434 fills one of WireGuard with its usual MTU.
 */
export default defineDefense({
  name: 'pad',
  summary: 'Adds bytes to each packet by a rule, so that its length says less.',
  source: 'Dyer et al., S&P 2012; levels: Pinheiro et al., IEEE IoT Journal 2021',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters,
  neutral: { rule: 'block', block: 1 },
  create(given) {
    const rule = ruleOf(given);
    const { size } = given;
    return {
      packet: (p, link) => link.send(p, Math.max(p.length, Math.min(size, rule(p.length, link)))),
    };
  },
});
