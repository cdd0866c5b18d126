import { describe, expect, test } from 'vitest';
import { builtIns, prepareAll, resolveDefense } from '../../src/harness/plugins/registry.js';
import { generateHome } from '../../src/home/home.js';
import { TUNNELLED_VPN_MTU } from '../../src/lab/run.js';
import { simulateLab } from '../../src/lab/simulated.js';
import { lengthOffset } from '../../src/live/tunnel/planned.js';
import { HOLD } from '../../src/shaping/kit/segments.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { filterPackets } from '../../src/trace/trace.js';

describe('the lab, simulated', () => {
  const whole = generateHome({ hours: 0.05, seed: 3 });
  const home = filterPackets(whole, (row) => whole.flows.wan[whole.flow[row]!] === 1);
  const run = (plan: { vpn: boolean; shaping?: ReturnType<typeof resolveDefense> }) =>
    simulateLab(home, plan, home, builtIns, createRng(1));

  test('without a VPN and a defense: the home as it is', async () => {
    const { trace, dropped } = await run({ vpn: false });
    expect([trace.packets, dropped]).toEqual([home.packets, 0]);
    expect(trace.length).toEqual(home.length);
  });

  test('the ends of the tunnel add their headers to each datagram of WireGuard, which they carry whole', async () => {
    const { trace, delivered, dropped, original } = await run({ vpn: true, shaping: resolveDefense('none') });
    expect(dropped).toBe(0);
    // But for the end of a long segment, which waits for more of its stream.
    const held = delivered.map((time, packet) => time - original.time[packet]!);
    expect(Math.min(...held)).toBe(0);
    expect(Math.max(...held)).toBeLessThan(HOLD + 1e-6);
    expect(Math.max(...trace.length)).toBe(TUNNELLED_VPN_MTU + 32 + 40 + 42);
    const shortest = home.length.reduce((least, bytes) => Math.min(least, bytes), 1514);
    // By hand: the IP packet padded to 16, WireGuard's 32, the ends' 40, and Ethernet, IP and UDP before it.
    expect(Math.min(...trace.length)).toBe(Math.ceil((shortest - 14) / 16) * 16 + 32 + 40 + 42);
  });

  test('a constant rate: one length, whatever the home sends, and nothing is lost', async () => {
    const { trace, dropped, original } = await run({
      vpn: true,
      shaping: resolveDefense('constant-rate:size=1514,interval=0.05'),
    });
    expect(new Set(trace.length)).toEqual(new Set([1514]));
    expect(dropped).toBe(0);
    expect(original.packets).toBe(home.packets);
  });

  test('cells of a tunnel leave longer than planned, by what the headers of the live ends are longer', async () => {
    const shaping = resolveDefense('vpn-shaping:up=40,down=40');
    const { trace } = await run({ vpn: true, shaping });
    const applied = await prepareAll(shaping, { trace: null, rng: createRng(1) }, builtIns);
    const planned = new Set(shapeAll(home, applied, { rng: createRng(1) }).trace.length);
    expect([...new Set(trace.length)]).toEqual([...planned].map((length) => length + lengthOffset(applied, 4)));
    expect(lengthOffset(applied, 4)).toBeGreaterThan(0);
  });
});
