import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import jitter from '../../defenses/jitter.js';
import none from '../../defenses/none.js';
import pad from '../../defenses/pad.js';
import vpn from '../../defenses/vpn.js';
import { views } from '../../src/harness/plugins/registry.js';
import type { AppliedDefense, Defense } from '../../src/shaping/shaper.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { type AppliedView, observe } from '../../src/view/observe.js';
import { anyTrace, makeTrace } from '../support/traces.js';

function apply(defense: Defense, given: Record<string, unknown> = {}): AppliedDefense {
  return { defense, parameters: resolveParameters(defense.parameters, given, `defense ${defense.name}`) };
}

function through(name: string, given: Record<string, unknown> = {}): AppliedView {
  const view = views.find((one) => one.name === name)!;
  return { view, parameters: resolveParameters(view.parameters, given, `view ${name}`) };
}

const look = (trace: Trace, view: AppliedView, defenses: AppliedDefense[] = [], seed = 1) =>
  observe(trace, view, defenses, { rng: createRng(seed) });

const home = makeTrace([
  { time: 1, length: 100, flow: 0, device: 0 },
  { time: 2, length: 200, flow: 3, device: 1 },
  { time: 3, length: 300, flow: 1, device: 1, out: false },
  { time: 4, length: 1514, flow: 2, device: 0 },
]);

describe('lan', () => {
  test('shows every frame, and whose it is', () => {
    const { trace } = look(home, through('lan'));
    expect([...trace.length]).toEqual([100, 200, 300, 1514]);
    expect(trace.flows).toBe(home.flows);
    expect(through('lan').view.perDevice).toBe(true);
  });

  test('refuses a tunnel, which starts where it does not look', () => {
    expect(() => look(home, through('lan'), [apply(vpn)])).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});

describe('napt', () => {
  const { trace } = look(home, through('napt'));

  test('shows only what crosses the gateway', () => {
    expect([...trace.length]).toEqual([100, 300, 1514]);
    expect([...trace.device]).toEqual([0, 1, 0]);
    expect([...trace.port]).toEqual([1000, 1001, 1002]);
    expect(through('napt').view.perDevice).toBe(false);
  });

  test('gives all flows one local address, and each a port of its own', () => {
    const { flows } = trace;
    expect(new Set([...flows.localAddress].map((i) => flows.addresses[i]))).toEqual(new Set(['192.0.2.1']));
    expect(new Set(flows.localPort).size).toBe(4);
    expect([...flows.localPort].every((port) => port >= 1024)).toBe(true);
    expect([...flows.remotePort]).toEqual([1000, 1001, 1002, 1003]);
    expect([...home.flows.localPort]).toEqual([5000, 5001, 5002, 5003]);
  });

  test('draws the same ports for the same seed only, whatever the ports inside', () => {
    const ports = (seed: number, shift: number) => {
      const flows = { ...home.flows, localPort: home.flows.localPort.map((port) => port + shift) };
      return [...look({ ...home, flows }, through('napt'), [], seed).trace.flows.localPort];
    };
    expect(ports(1, 0)).toEqual(ports(1, 77));
    expect(ports(1, 0)).not.toEqual(ports(2, 0));
  });

  test('leaves a flow without ports without, and keeps IPv6 apart', () => {
    const flows = { ...home.flows, localPort: Uint16Array.of(0, 1, 2, 3), localAddress: Uint32Array.of(0, 0, 0, 0) };
    const out = look(
      { ...home, flows: { ...flows, addresses: ['fe80::1', ...home.flows.addresses.slice(1)] } },
      through('napt'),
    );
    expect(out.trace.flows.localPort[0]).toBe(0);
    expect(out.trace.flows.addresses[out.trace.flows.localAddress[0]!]).toBe('2001:db8::1');
  });
});

describe('vpn', () => {
  test('shows the packets of napt in one flow, at the lengths of the tunnel', () => {
    const { trace } = look(home, through('vpn'));
    // Inner 86 -> 96, 286 -> 288, and 1500 -> fragments of 1420 and 100 -> 112; 74 bytes around each.
    expect([...trace.length]).toEqual([170, 362, 1494, 186]);
    expect([...trace.device]).toEqual([0, 1, 0, 0]);
    expect(new Set(trace.flow)).toEqual(new Set([0]));
  });

  test('is what the defense vpn gives under napt, with the same parameters', () => {
    fc.assert(
      fc.property(anyTrace, fc.constantFrom({}, { tunnel: 'openvpn' }, { mtu: 1280 }), (trace, given) => {
        fc.pre([...trace.flow].some((flow) => flow < 3));
        const seen = look(trace, through('vpn', given), [apply(none)]);
        const defended = look(trace, through('napt'), [apply(vpn, given)]);
        expect(defended.trace).toEqual(seen.trace);
        expect(defended.account).toEqual(seen.account);
        expect(defended.delivered).toEqual(seen.delivered);
      }),
    );
  });

  test('wraps once where a defense is a tunnel itself, and that defense decides how', () => {
    const once = look(home, through('vpn'), [apply(vpn, { tunnel: 'openvpn' })]);
    expect(once.trace).toEqual(look(home, through('vpn', { tunnel: 'openvpn' })).trace);
  });

  test('wraps what other defenses put on the wire', () => {
    // Padded to 1500, so 1486 inside: fragments of 1420 and 86 -> 96; the frame of 1514 is not padded.
    const { trace } = look(home, through('vpn'), [apply(pad)]);
    expect([...trace.length]).toEqual([1494, 170, 1494, 170, 1494, 186]);
  });
});

test('delay is counted from where packets enter the first defense', () => {
  const { delivered, original } = look(home, through('vpn'), [apply(jitter, { distribution: 'batch', quantum: 5 })]);
  expect([...original.time]).toEqual([1, 3, 4]);
  expect([...delivered]).toEqual([5, 5, 5]);
});

test.each(['napt', 'vpn'])('an empty %s view is an error that says what to do', (name) => {
  const inside = makeTrace([{ time: 1, length: 100, flow: 3 }]);
  expect(() => look(inside, through(name))).toThrow(
    expect.objectContaining({
      name: 'InputError',
      message: `view ${name}: none of 1 packets crosses the gateway; use the view lan, or check the labels`,
    }),
  );
  expect(() => look(makeTrace([]), through(name))).toThrow(/there are no packets/);
});
