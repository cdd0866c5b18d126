import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAttack } from '../../src/conformance/check-attack.js';
import { checkDefense } from '../../src/conformance/check-defense.js';
import { checkView } from '../../src/conformance/check-view.js';
import { loadPlugins } from '../../src/harness/plugins/load-plugins.js';
import { prepareAll, resolveDefense, resolveView, viewOf } from '../../src/harness/plugins/registry.js';
import { buildWindows } from '../../src/learning/build-windows.js';
import { createRng } from '../../src/shared/rng.js';
import { observe } from '../../src/view/observe.js';
import { temporaryFolder } from '../support/run-cli.js';
import { makeTrace } from '../support/traces.js';

/** Whole files among the examples of a page. */
function filesIn(page: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(import .*?)^```$/gms)].map(([, code]) => code!);
}

function load(code: string) {
  const path = join(temporaryFolder(), 'example.ts');
  writeFileSync(path, code);
  return loadPlugins([path]);
}

async function failuresOf(code: string): Promise<string[]> {
  const { checks } = await checkDefense((await load(code)).defenses.at(-1)!);
  return checks.flatMap(({ name, passed, message }) => (passed ? [] : [`${name}: ${message}`]));
}

test('the defense of "Writing a defense" keeps the contract', async () => {
  const files = filesIn('writing-a-defense.md');
  expect(files).toHaveLength(1);
  expect(await failuresOf(files[0]!)).toEqual([]);
});

test('the walkthrough finds what it says, and ends with nothing to find', async () => {
  const [first, whole] = filesIn('walkthrough.md');
  expect(await failuresOf(first!)).toEqual([
    'bounds-its-numbers: parameter delay: expected a largest value (.max), found none',
    'hides-its-cover: 100 % of the cover has 200 bytes, no other frame has',
  ]);
  expect(await failuresOf(whole!.replace('if (p.length <= 1514) ', ''))).toEqual([
    'keeps-to-the-mtu: frame 4 has 65549 bytes',
  ]);
  expect(await failuresOf(whole!)).toEqual([]);
});

describe('the attack of "Writing an attack"', async () => {
  const [code, ...others] = filesIn('writing-an-attack.md');
  const attack = (await load(code!)).attacks.at(-1)!;

  test('keeps the contract', async () => {
    expect(others).toEqual([]);
    const { checks } = await checkAttack(attack);
    expect(checks.filter(({ passed, outcome }) => !passed || outcome === 'warning')).toEqual([]);
  });

  test('gives the probabilities that are worked out by hand, and none for a length that nobody used', async () => {
    /** A window for each flow, of one device each. */
    const windowsOf = (...lengths: number[][]) => {
      const packets = lengths.flatMap((own, device) =>
        own.map((length, i) => ({ time: i, length, flow: device, device })),
      );
      const classes = ['lamp', 'plug'];
      const options = { size: 4, stride: 4, mix: 'flow', port: 'service', classes } as const;
      return buildWindows(makeTrace(packets), options).windows;
    };
    const train = windowsOf([100, 100, 100, 200], [200, 200, 200, 200]);
    const parameters = { packets: 4, bin: 1 };
    const identifier = await attack.fit(train, train, { parameters, rng: createRng(1), threads: 1 });
    const [lamp, plug, ...none] = await identifier.predict(windowsOf([100, 200], [150]));
    expect(lamp).toBeCloseTo(0.558, 3);
    expect(plug).toBeCloseTo(0.442, 3);
    expect(none).toEqual([0, 0]);
  });
});

describe('the view of "Writing a view"', async () => {
  const [code, ...others] = filesIn('writing-a-view.md');
  const registry = await load(code!);
  /** Lengths and times of the frames that an observer sees of four packets. */
  const look = async (view: string, defense: string) => {
    const packets = [60, 1506, 1507, 1514].map((length, i) => ({ time: i, length, flow: 0, device: 0 }));
    const plugin = resolveView(view, registry);
    const training = { trace: null, rng: createRng(1) };
    const applied = await prepareAll(resolveDefense(defense, registry), training, registry);
    const place = { view: viewOf(plugin, registry), parameters: plugin.parameters };
    const { trace } = observe(makeTrace(packets), place, applied, { rng: createRng(1) });
    return { lengths: [...trace.length], times: [...trace.time] };
  };

  test('keeps the contract', async () => {
    expect(others).toEqual([]);
    const { checks } = await checkView(registry.views.at(-1)!);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  });

  test('adds 8 bytes to each frame, and cuts IP packets of more than 1492 bytes in two', async () => {
    const { lengths, times } = await look('pppoe', 'none');
    // 1507: 1493 bytes of IP, 20 of header and 1473 of data; 1472 in the first fragment, 1 in the second.
    expect(lengths).toEqual([60 + 8, 1506 + 8, 22 + 1492, 22 + 20 + 1, 22 + 1492, 22 + 20 + 8]);
    expect(times).toEqual([0, 1, 2, 2, 3, 3]);
  });

  test('stays below a tunnel: the cells of vpn-shaping are as they were, with 8 bytes more', async () => {
    const [plain, seen] = [await look('napt', 'vpn-shaping'), await look('pppoe', 'vpn-shaping')];
    expect(new Set(plain.lengths)).toEqual(new Set([14 + 60 + 1420]));
    expect(seen).toEqual({ lengths: plain.lengths.map((length) => length + 8), times: plain.times });
  });

  test('carries a VPN that longer packets than 1492 bytes leave', async () => {
    // OpenVPN with an MTU of 1500: 1500 bytes in 14 + 52 + 1500, an IP packet of 1552.
    const { lengths } = await look('pppoe', 'vpn:tunnel=openvpn,mtu=1500');
    expect(lengths.slice(-2)).toEqual([22 + 1492, 22 + 20 + (1552 - 20 - 1472)]);
  });
});
