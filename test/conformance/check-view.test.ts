import { describe, expect, test } from 'vitest';
import none from '../../defenses/none.js';
import pad from '../../defenses/pad.js';
import { checkView } from '../../src/conformance/check-view.js';
import { views } from '../../src/harness/plugins/registry.js';
import { tunnelDefense } from '../../src/shaping/kit/tunnel.js';
import { defineDefense, type PacketRef } from '../../src/shaping/shaper.js';
import { filterPackets, type Trace } from '../../src/trace/trace.js';
import type { View } from '../../src/view/view.js';
import napt from '../../views/napt.js';
import vpn from '../../views/vpn.js';

const sets = 10;

test.each(views)('$name keeps the contract', async (view) => {
  const { checks, passed } = await checkView(view, { sets });
  expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(passed).toBe(true);
  expect(checks.some(({ name }) => name === 'conserves-bytes')).toBe(view.carry !== undefined);
});

/** Changes what `napt` selects. */
const selecting = (change: (trace: Trace) => Trace): View => ({
  ...napt,
  select: (trace, rng) => change(napt.select(trace, rng)),
});

const nothing = { tunnel: 'wireguard', mtu: 0, clamp: false };

const broken: [what: string, check: string, message: RegExp, view: View][] = [
  ['a view without a name', 'describes-itself', /^name: /, { ...napt, name: 'My View' }],
  ['perDevice of no kind', 'declares-itself', /^perDevice: /, { ...napt, perDevice: 'no' as never }],
  [
    'a carrier that learns',
    'declares-itself',
    /^carry: expected pad to need no training, found prepare\(\)$/,
    { ...napt, carry: () => ({ defense: { ...pad, prepare: () => null }, parameters: {} }) },
  ],
  [
    'a tunnel in the home',
    'declares-itself',
    /^carry: expected no tunnel before the gateway, found vpn$/,
    { ...napt, live: undefined, perDevice: true, carry: () => ({ defense: tunnelDefense, parameters: nothing }) },
  ],
  [
    'a carrier with parameters that it does not take',
    'declares-itself',
    /^carry: pad: size: /,
    { ...napt, carry: () => ({ defense: pad, parameters: { size: 1 } }) },
  ],
  ['a tunnel played outside', 'declares-itself', /^live: expected 'tunnel' or null/, { ...vpn, live: () => 'outside' }],
  [
    'no tunnel played in one',
    'declares-itself',
    /^live: expected 'outside' or null/,
    { ...napt, live: () => 'tunnel' },
  ],
  [
    'an exception',
    'selects-from-any-traffic',
    /^Error: no traffic/,
    selecting((trace) => {
      if (trace.packets === 0) throw new Error('no traffic');
      return trace;
    }),
  ],
  [
    'a change of what is given',
    'selects-from-any-traffic',
    /^the trace that went in was changed: length of packet 0/,
    {
      ...napt,
      select(trace) {
        if (trace.packets > 0) trace.length[0]!++;
        return trace;
      },
    },
  ],
  [
    'frames made longer',
    'invents-nothing',
    /^packet 0, at \d+.*, is none of the trace, or comes out of its order$/,
    selecting((trace) => ({ ...trace, length: trace.length.map((length) => length + 8) })),
  ],
  [
    'an order of its own',
    'invents-nothing',
    /out of its order$/,
    selecting((trace) => ({ ...trace, time: trace.time.map((_, i) => trace.time.at(-1 - i)!) })),
  ],
  [
    'ground truth that is changed',
    'invents-nothing',
    /^packet 0, /,
    selecting((trace) => ({ ...trace, device: trace.device.map((device) => 1 - device) })),
  ],
  [
    'a header that is changed',
    'invents-nothing',
    /^header of flow 0 was changed from 14 to 22$/,
    selecting((trace) => ({
      ...trace,
      flows: { ...trace.flows, header: trace.flows.header.map((bytes) => bytes + 8) },
    })),
  ],
  [
    'one device alone',
    'reads-no-labels',
    /^with labels and without differ: /,
    selecting((trace) => filterPackets(trace, (row) => trace.device[row] === 0)),
  ],
  [
    'chance of its own',
    'selects-the-same-again',
    /^two runs with one seed differ: /,
    selecting((trace) => filterPackets(trace, () => Math.random() < 0.5)),
  ],
  [
    'a carrier that loses the order',
    'keeps-the-order-of-flows',
    /^packet \d+ was delivered before/,
    {
      ...napt,
      carry: () => ({
        parameters: {},
        defense: defineDefense({
          ...none,
          create: () => {
            let held: PacketRef | null = null;
            return {
              packet(p, link) {
                if (held === null) {
                  held = p;
                  return;
                }
                link.send(p, p.length);
                link.send(held, held.length);
                held = null;
              },
              close(link) {
                if (held) link.send(held, held.length);
              },
            };
          },
        }),
      }),
    },
  ],
];

describe('a broken view', () => {
  test.each(broken)('%s is found by %s', async (_, check, message, view) => {
    const { checks, passed } = await checkView(view, { sets: 0 });
    const found = checks.find(({ name }) => name === check)!;
    expect(found).toMatchObject({ outcome: 'failed', message: expect.stringMatching(message) });
    expect(found.message).not.toContain('\n');
    expect(passed).toBe(false);
  });
});
