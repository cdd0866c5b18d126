import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import pad from '../../defenses/pad.js';
import split from '../../defenses/split.js';
import vpn from '../../defenses/vpn.js';
import { views } from '../../src/harness/plugins/registry.js';
import type { AppliedDefense, Defense, Link, PacketRef } from '../../src/shaping/shaper.js';
import { shape, shapeAll } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { observe } from '../../src/view/observe.js';
import { probe } from '../support/probe.js';
import { anyTrace, makeTrace } from '../support/traces.js';

const rng = createRng(1);
const run = (trace: Trace, defense: Defense) => shape(trace, defense, {}, { rng }).trace;
const apply = (defense: Defense, given: Record<string, unknown> = {}): AppliedDefense => ({
  defense,
  parameters: resolveParameters(defense.parameters, given, defense.name),
});
const forward = probe(() => ({ packet: (p, link) => link.send(p, p.length) }));

/** `trace` with a hop limit and an entropy that tell its packets apart, 54 bytes of headers each, and a name for each flow. */
function withSeen(trace: Trace): Trace {
  const rows = Array.from(trace.length, (_, row) => row);
  return {
    ...trace,
    seen: {
      payloadLength: trace.length.map((length) => Math.max(0, length - 54)),
      payloadEntropy: Float32Array.from(rows, (row) => (row % 16) / 2),
      hopLimit: Uint8Array.from(rows, (row) => 64 + (row % 128)),
    },
    flows: { ...trace.flows, name: Uint32Array.of(1, 2, 0, 0), names: ['', 'a.example', 'b.example'] },
  };
}

const two = withSeen(
  makeTrace([
    { time: 1, length: 154, flow: 0 },
    { time: 2, length: 254, flow: 1 },
  ]),
);

const columnsOf = ({ seen }: Trace) => ({
  payload: [...seen!.payloadLength!],
  entropy: [...seen!.payloadEntropy!],
  hops: [...seen!.hopLimit!],
});

describe('what packets show, behind a defense', () => {
  test('is theirs in frames of their own', () => {
    fc.assert(
      fc.property(anyTrace.map(withSeen), (trace) => {
        const shown = run(trace, forward);
        expect(columnsOf(shown)).toEqual(columnsOf(trace));
        expect(shown.flows).toEqual(trace.flows);
      }),
      { numRuns: 50 },
    );
  });

  test('is theirs in padded frames, whose padding counts as payload', () => {
    const { trace } = shapeAll(two, [apply(pad, { rule: 'mtu', size: 1000 })], { rng });
    expect(columnsOf(trace)).toEqual({ payload: [946, 946], entropy: [0, 0.5], hops: [64, 65] });
  });

  test('is theirs in each piece of them, which has a part of the payload', () => {
    const { trace } = shapeAll(two, [apply(split, { over: 200, least: 64 })], { rng });
    const { payload, hops } = columnsOf(trace);
    expect(trace.packets).toBeGreaterThan(2);
    expect(hops).toEqual([64, ...Array(trace.packets - 1).fill(65)]);
    expect(payload).toEqual([...trace.length].map((length) => length - 54));
    expect(payload[1]).toBeLessThan(200);
  });

  test('of several in one frame is that of the largest part in the flow that the frame looks like', () => {
    const held: PacketRef[] = [];
    const cells = probe(() => ({
      packet(p, link) {
        held.push(p);
        if (held.length === 2)
          link.sendCell(
            held.map((packet) => ({ packet, bytes: packet.length })),
            600,
          );
      },
    }));
    expect(columnsOf(run(two, cells))).toEqual({ payload: [546], entropy: [0.5], hops: [65] });
  });

  test('is in cover that of the frame before in its direction, so that no zeros tell it', () => {
    const covering = probe(() => ({
      packet(p: PacketRef, link: Link) {
        link.send(p, p.length);
        link.cover(1, 354);
        link.cover(0, 354);
      },
    }));
    const shown = columnsOf(run(two, covering));
    expect(shown.hops).toEqual([64, 64, 0, 65, 65, 0]);
    expect(shown.payload).toEqual([100, 300, 0, 200, 300, 0]);
    expect(shown.entropy).toEqual([0, 0, 0, 0.5, 0.5, 0]);
    const both = withSeen(
      makeTrace([
        { time: 1, length: 154, flow: 0 },
        { time: 2, length: 254, flow: 1 },
        { time: 3, length: 154, flow: 0, out: false },
        { time: 4, length: 154, flow: 1 },
      ]),
    );
    const later = probe(() => ({
      packet(p: PacketRef, link: Link) {
        link.send(p, p.length);
        if (p.id === 3) for (const flow of [0, 1]) link.cover(0, 100, { protocols: 3, port: 443, flow, device: 0 });
        if (p.id === 3) for (const flow of [0, 1]) link.cover(1, 100, { protocols: 3, port: 443, flow, device: 0 });
      },
    }));
    expect(columnsOf(run(both, later)).hops).toEqual([64, 65, 66, 67, 66, 66, 64, 67]);
  });

  test('stays with its frame where a link puts frames in another order', () => {
    const trace = withSeen(
      makeTrace([
        { time: 1, length: 1000, flow: 0 },
        { time: 1.1, length: 100, flow: 1, out: false },
      ]),
    );
    const shown = shape(trace, forward, {}, { rng, capacity: 8000 }).trace;
    expect([...shown.length]).toEqual([100, 1000]);
    expect(columnsOf(shown).hops).toEqual([65, 64]);
  });

  test('is hidden by a tunnel, names too', () => {
    const { trace } = shapeAll(two, [apply(vpn), { defense: forward, parameters: {} }], { rng });
    expect([trace.seen, trace.flows.name, trace.flows.names]).toEqual([undefined, undefined, undefined]);
  });

  test('leaves flows that a defense opens without a name', () => {
    const opening = probe(() => ({
      packet(p: PacketRef, link: Link) {
        link.send(p, p.length);
        const flow = link.openFlow({ transport: 6, remoteAddress: '203.0.113.9', remotePort: 443 });
        link.cover(1, 100, { protocols: 3, port: 443, flow, device: p.device });
      },
    }));
    const { flows, seen } = run(two, opening);
    expect([...flows.name!].map((row) => flows.names![row])).toEqual(['a.example', 'b.example', '', '', '', '']);
    expect([...seen!.hopLimit!]).toEqual([64, 64, 65, 65]);
  });
});

describe('what packets show, in a view', () => {
  const home = withSeen(
    makeTrace([
      { time: 1, length: 154, flow: 0 },
      { time: 2, length: 154, flow: 3 },
      { time: 3, length: 154, flow: 1, out: false },
    ]),
  );
  const look = (trace: Trace, name: string) => {
    const view = views.find((one) => one.name === name)!;
    return observe(trace, { view, parameters: resolveParameters(view.parameters, {}, name) }, [], { rng }).trace;
  };

  test('is all there in the home', () => {
    expect(columnsOf(look(home, 'lan'))).toEqual(columnsOf(home));
  });

  test('is outside the gateway one hop further from the home, with the names', () => {
    const { seen, flows } = look(home, 'napt');
    expect([...seen!.hopLimit!]).toEqual([63, 67]);
    expect([...seen!.payloadLength!]).toEqual([100, 100]);
    expect([...flows.name!].map((row) => flows.names![row])).toEqual(['a.example', 'b.example', '', '']);
    const withoutIp = { ...home, seen: { hopLimit: Uint8Array.of(0, 64, 255) } };
    expect([...look(withoutIp, 'napt').seen!.hopLimit!]).toEqual([0, 255]);
  });

  test('is hidden by a tunnel', () => {
    const { seen, flows } = look(home, 'vpn');
    expect([seen, flows.name]).toEqual([undefined, undefined]);
  });
});
