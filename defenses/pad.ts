import { z } from 'zod';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { atMost, bytes, choice, number } from '../src/shared/units.js';

const parameters = z
  .object({
    rule: choice(
      ['mtu', 'linear', 'exponential', 'mice-elephants', 'random', 'uniform', 'gaussian', 'levels', 'block'],
      'how the new length follows from the old one',
    ),
    size: bytes([64, 65_535], 1500, 'that no padding exceeds (1514 includes full Ethernet frames); longer frames stay'),
    step: bytes([1, 65_535], 128, 'of which lengths become a multiple (linear)'),
    block: bytes([1, 65_535], 16, 'of which lengths become a multiple (block)'),
    mice: bytes([1, 65_535], 128, 'of a small frame; all others get size (mice-elephants)'),
    width: bytes([0, 65_535], 255, 'added at most, at least 1 (random)'),
    mean: number([0, 65_535], 400, 'bytes added, mean (gaussian)'),
    deviation: number([0, 65_535], 100, 'bytes added, standard deviation (gaussian)'),
  })
  .check(atMost('mice', 'size', ({ rule }) => rule === 'mice-elephants'));

type Given = z.output<typeof parameters>;

/** New length of a frame of `length` bytes, before it is held between `length` and `size`. */
const RULES: Record<Given['rule'], (length: number, given: Given, link: Link) => number> = {
  mtu: (_, { size }) => size,
  linear: (length, { step }) => Math.ceil(length / step) * step,
  exponential: (length) => 2 ** Math.ceil(Math.log2(length)),
  'mice-elephants': (length, { mice, size }) => (length <= mice ? mice : size),
  random: (length, { width }, { rng }) => (width === 0 ? length : length + rng.integer(1, width)),
  uniform: (length, { size }, { rng }) => (length < size ? rng.integer(length, size) : length),
  gaussian: (length, { mean, deviation }, { rng }) => length + Math.round(rng.normal(mean, deviation)),
  levels(length, { size }, { rng }) {
    if (length < 300) return length < 100 ? 100 : length < 200 ? 200 : 300;
    if (length < 999) return length + rng.integer(1, 1000 - length);
    if (length < 1400) return length + rng.integer(1, 1400 - length);
    return size;
  },
  block: (length, { block }) => Math.ceil(length / block) * block,
};

/** Pads each frame on its own as it passes. No frame gets shorter, and none longer than `size` by padding. */
export default defineDefense({
  name: 'pad',
  summary: 'Adds bytes to each packet by a rule, so that its length says less.',
  source: 'Dyer et al., S&P 2012; levels: Pinheiro et al., IEEE IoT Journal 2021',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters,
  neutral: { rule: 'block', block: 1 },
  padsTo: ({ rule, size }) => (rule === 'mtu' || rule === 'mice-elephants' ? size : null),
  create(given) {
    const rule = RULES[given.rule];
    const { size } = given;
    return {
      packet: (p, link) => link.send(p, Math.max(p.length, Math.min(size, rule(p.length, given, link)))),
    };
  },
});
