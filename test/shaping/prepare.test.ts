import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Defense, defineDefense, prepareDefense, type Training } from '../../src/shaping/shaper.js';
import { shape, shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTrace } from '../support/traces.js';

const rng = createRng(1);
const about = { summary: 'For tests.', source: 'this file', removedAt: 'nowhere' } as const;
const two = makeTrace([
  { time: 0, length: 100, flow: 0, device: 0 },
  { time: 1, length: 200, flow: 1, device: 1 },
]);

describe('a defense that learns', () => {
  /** Pads every frame to the longest of the training traffic. */
  const longest: Defense = defineDefense({
    ...about,
    name: 'longest',
    scope: 'home',
    parameters: z.object({}),
    prepare: async (_, { trace }: Training) => Math.max(...trace!.length),
    create: (_, length) => ({ packet: (p, link) => link.send(p, length) }),
  });

  test('is given what it learned, in every shaper', async () => {
    const training = makeTrace([{ time: 0, length: 777 }]);
    const applied = await prepareDefense(longest, {}, { trace: training, rng });
    expect([...shapeAll(two, [applied], { rng }).trace.length]).toEqual([777, 777]);
  });

  test('cannot run without having learned', () => {
    expect(() => shape(two, longest, {}, { rng })).toThrow('defense longest: was not prepared');
  });
});

test('a parameter may decide whether there is a shaper for each device or one for the home', () => {
  let created = 0;
  const counting = defineDefense({
    ...about,
    name: 'counting',
    scope: ({ per }) => per,
    parameters: z.object({ per: z.enum(['home', 'device', 'flow']).default('home') }),
    create() {
      created++;
      return { packet: (p, link) => link.send(p, p.length) };
    },
  });
  const counts = (['home', 'device', 'flow'] as const).map((per) => {
    created = 0;
    shape(two, counting, { per }, { rng });
    return created;
  });
  expect(counts).toEqual([1, 2, 2]);
});

describe('flows that a shaper opens', () => {
  const opener = defineDefense({
    ...about,
    name: 'opener',
    scope: 'device',
    parameters: z.object({}),
    create: () => ({
      packet(p, link) {
        link.send(p, p.length);
        const flow = link.openFlow({ transport: 17, remoteAddress: '203.0.113.9', remotePort: 53 });
        link.cover(1, 80, { protocols: 5, port: 53, flow, device: p.device });
      },
    }),
  });

  test('are rows of the flow table, from the address of the home and a port drawn by chance', () => {
    const { trace } = shape(two, opener, {}, { rng });
    const { flows } = trace;
    expect([...trace.flow]).toEqual([0, 4, 1, 5]);
    expect([...trace.cover]).toEqual([0, 1, 0, 1]);
    expect(flows.count).toBe(6);
    const opened = [4, 5].map((row) => ({
      transport: flows.transport[row],
      local: flows.addresses[flows.localAddress[row]!],
      remote: flows.addresses[flows.remoteAddress[row]!],
      remotePort: flows.remotePort[row],
      wan: flows.wan[row],
      header: flows.header[row],
    }));
    const common = { transport: 17, remote: '203.0.113.9', remotePort: 53, wan: 1, header: 14 };
    expect(opened).toEqual([
      { ...common, local: '192.168.1.10' },
      { ...common, local: '192.168.1.11' },
    ]);
    const ports = [4, 5].map((row) => flows.localPort[row]!);
    expect(ports[0]).not.toBe(ports[1]);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(1024);
    expect(flows.localPort.subarray(0, 4)).toEqual(two.flows.localPort);
  });

  test('have local and remote addresses of one IP version', () => {
    const mixed = makeTrace([{ time: 0, length: 100, flow: 1 }]);
    const addresses = mixed.flows.addresses.map((one) => (one === '192.168.1.11' ? '2001:db8::11' : one));
    const { trace } = shape({ ...mixed, flows: { ...mixed.flows, addresses } }, opener, {}, { rng });
    expect(trace.flows.addresses[trace.flows.localAddress[4]!]).toBe('192.168.1.10');
  });

  test('leave the table of the input alone', () => {
    shape(two, opener, {}, { rng });
    expect(two.flows.count).toBe(4);
    expect(two.flows.transport.length).toBe(4);
  });
});
