import { expect, test } from 'vitest';
import { builtIns, resolveDefense } from '../../src/harness/plugins/registry.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { planOf } from '../../src/lab/plan.js';
import { cutRecording, recordLive } from '../../src/lab/record.js';
import type { LiveFigures } from '../../src/result/result.js';
import { UsageError } from '../../src/shared/errors.js';
import { makeTrace } from '../support/traces.js';

test('a frame is of the part in which it is seen, a packet and its delay of the one in which it entered', async () => {
  const original = makeTrace([
    { time: 1, length: 100 },
    { time: 9, length: 200, device: 1 },
    { time: 9.5, length: 300 },
    { time: 9.6, length: 350, cover: 1 },
    { time: 10, length: 400 },
  ]);
  const trace = makeTrace([
    { time: 2, length: 600 },
    { time: 9, length: 600, cover: 1 },
    { time: 11, length: 600, device: 1 },
    { time: 13, length: 600 },
  ]);
  const delivered = Float64Array.of(2, 11, Number.NaN, Number.NaN, 13);
  const observed = { trace, original, delivered, dropped: 1 };
  // Four of the five packets come before the cut, at 10 s.
  const recording = cutRecording(async () => ({ recorded: observed, figures: {} as LiveFigures }), 0.8);
  const shortOf = async (part: 'train' | 'test') => {
    const of = await recording.observe(1, resolveDefense('none'), part);
    return [[...of.trace.time], [...of.original.length], [...of.delivered], of.dropped];
  };
  // Noise that never came through is no loss.
  expect(await shortOf('train')).toEqual([[2, 9], [100, 200, 300, 350], [2, 11, Number.NaN, Number.NaN], 1]);
  expect(await shortOf('test')).toEqual([[11, 13], [400], [13], 0]);
});

test.each([
  ['vpn', 'pad+noise', /^defense pad\+noise: cannot run live: noise is made in the home, once, before all else$/],
  ['napt', 'noise+noise', /noise is made in the home, once/],
  ['napt', 'pad', /^defense pad: cannot run live: outside a tunnel nobody takes off what it adds; expected --view vpn/],
  ['napt', 'noise+jitter', /outside a tunnel nobody takes off/],
  ['vpn', 'stp', /^defense stp: cannot run live: it decides on padded periods for both directions/],
  ['vpn', 'spoof', /^defense spoof: cannot run live: its cover is conversations/],
  ['napt', 'vpn:tunnel=openvpn', /^defense vpn:tunnel=openvpn: cannot run live: the lab has WireGuard$/],
])('in the view %s, %s is refused before anything is played', async (view, defense, message) => {
  const spec = resolveSpec({ live: true, view, defenses: [defense] });
  const trace = makeTrace([{ time: 1, length: 100 }]);
  const record = recordLive({ spec, trace, parts: { train: trace, test: trace }, classes: [], plugins: builtIns });
  await expect(record).rejects.toThrow(UsageError);
  await expect(record).rejects.toThrow(message);
});

test('a view that the lab cannot show is refused, not taken for another', () => {
  const view = { name: 'lan', label: 'lan', parameters: {} };
  expect(() => planOf(resolveDefense('none'), { view }, builtIns)).toThrow(
    new UsageError('--view lan: cannot be played live; expected napt or vpn'),
  );
});
