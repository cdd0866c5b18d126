import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { concludeDevices } from '../../src/harness/observer/conclude.js';
import { identify } from '../../src/harness/observer/identify.js';
import type { LoadedModel } from '../../src/harness/observer/model-folder.js';
import { predictTrace } from '../../src/harness/observer/predict.js';
import { appliedView, windowing } from '../../src/harness/setting.js';
import type { Identifier } from '../../src/learning/attack.js';
import { createLiveObserver } from '../../src/live/capture/observer.js';
import { readLive } from '../../src/live/capture/packets.js';
import { createRng } from '../../src/shared/rng.js';
import { loadTrace } from '../../src/trace/load.js';
import type { PacketTable } from '../../src/trace/packets.js';
import { takePackets } from '../../src/trace/trace.js';
import { observe } from '../../src/view/observe.js';
import { watch } from '../../src/watch/watch.js';
import { createWatcher, type WatchState } from '../../src/watch/watcher.js';
import { makeTrace } from '../support/make-trace.js';
import { makeHome, trainSmall } from '../support/small-model.js';

const home = makeHome(2, 0.1);
const never = new AbortController().signal;
const settings: [string, Parameters<typeof trainSmall>[0]][] = [
  ['napt', {}],
  ['lan, a stream per device', { view: 'lan' }],
  ['vpn', { view: 'vpn' }],
  ['napt, a stream per flow', { mix: 'flow' }],
  ['napt, a stream per flow, destination ports', { mix: 'flow', port: 'destination' }],
  ['napt, noise of its own', { defense: 'dummy' }],
];

/** As identify and the state both tell it; sums of numbers in another order differ in their last digits. */
function standings(devices: WatchState['devices']) {
  return devices.map(({ name, all, first, last }) => [name, all.seen, all.packets, all.bytes, first, last]);
}

describe.each(settings)('a capture in the view %s', (_, request) => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await trainSmall(request);
  });

  test('ends with what identify concludes of it', async () => {
    const { state, hosts } = await watch(model, { pcap: home.pcap }, never);
    const expected = await identify(model, { captures: [home.pcap] });
    const devices = expected.devices.filter(({ category }) => category !== null);
    expect(standings(state.devices)).toEqual(
      devices.map(({ name, seen, packets, bytes, first, last }) => [name, seen, packets, bytes, first, last]),
    );
    expect(devices.some(({ seen }) => seen)).toBe(true);
    for (const [i, { confidence }] of devices.entries()) {
      if (confidence === null) expect(state.devices[i]!.all.confidence).toBeNull();
      else expect(state.devices[i]!.all.confidence).toBeCloseTo(confidence, 9);
    }
    expect(state.all).toMatchObject({
      packets: expected.data.packets,
      bytes: expected.data.bytes,
      unsure: expected.unsure,
    });
    expect(hosts).toBe(expected.data.hosts);
    const cover = expected.devices.find(({ category }) => category === null);
    expect(state.all.cover).toBe(cover ? cover.packetShare : null);
  });

  test('is the same as it comes over the wire, once the gateway is known, whatever the batches', async () => {
    const { batches } = readLive({ stream: Readable.from(chunksOf(readFileSync(home.pcap), 20_000)) });
    const view = appliedView(model.card);
    // With so little evidence, flows and hosts get other numbers from one batch to the next.
    const observer = createLiveObserver(view, [], undefined, 300);
    const watcher = createWatcher({ ...optionsOf(model), span: 600 });
    // The hosts are known from the first batch on, if that has them all: then the two must agree to the packet.
    let all: PacketTable[] = [];
    for await (const batch of batches) all.push(batch);
    const half = Math.floor(all.length / 2);
    for (const some of [all.slice(0, half), ...all.slice(half).map((batch) => [batch])]) {
      const trace = observer.take(some);
      if (trace) await watcher.add(trace);
    }
    all = [];
    const live = await watcher.state();
    const { state } = await watch(model, { pcap: home.pcap }, never);
    expect(live.all.packets).toBe(state.all.packets);
    // A gateway's made-up ports are others than in a capture.
    if (request?.port !== 'destination') expect(standings(live.devices)).toEqual(standings(state.devices));
  });

  test('at any time, what is concluded is what identify would of a capture that ends there', async () => {
    const loaded = await loadTrace([home.pcap], null);
    const view = appliedView(model.card);
    const { trace } = observe(loaded.trace, view, [], { rng: createRng(1, 'test'), capacity: null });
    const watcher = createWatcher({ ...optionsOf(model), span: 600 });
    const names = model.card.classes.map(({ name }) => name);
    const rows = (from: number, to: number) =>
      takePackets(
        trace,
        Uint32Array.from({ length: to - from }, (_, i) => from + i),
      );
    let before = 0;
    for (const share of [0.01, 0.33, 0.34, 0.9]) {
      const at = Math.floor(share * trace.packets);
      await watcher.add(rows(before, at));
      before = at;
      const prefix = rows(0, at);
      const { windowing, mistaken } = optionsOf(model);
      const predictions = await predictTrace({ identifier: model.identifier, classes: names, windowing }, prefix);
      const devices = concludeDevices(prefix, predictions, { classes: model.card.classes, mistaken });
      expect(standings((await watcher.state()).devices)).toEqual(
        devices
          .filter(({ category }) => category !== null)
          .map(({ name, seen, packets, bytes, first, last }) => [name, seen, packets, bytes, first, last]),
      );
    }
  });

  test('with labels, answers are scored as identify scores them', async () => {
    const { state } = await watch(model, { pcap: home.pcap, labels: home.labels }, never);
    const { identification, data } = await identify(model, { captures: [home.pcap], labels: home.labels });
    expect(data.packets).toBe(state.all.packets);
    expect(state.all.accuracy).toBeCloseTo(identification!.accuracy, 12);
  });
});

function optionsOf({ card, identifier }: LoadedModel) {
  const view = appliedView(card);
  return {
    identifier,
    classes: card.classes,
    mistaken: card.scores!.mistaken,
    windowing: windowing({ ...card, port: card.features.port }, view),
  };
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Calls a packet `a` with 0.9 where the first packet of its window has an even length, else `b` with 0.6. */
const byWindow: Identifier = {
  async predict({ packets, start, count }) {
    const out = new Float32Array(packets.rows * 2);
    for (let w = 0; w < start.length; w++) {
      const isEven = packets.length[start[w]!]! % 2 === 0;
      for (let row = start[w]!; row < start[w]! + count[w]!; row++) out.set(isEven ? [0.9, 0.1] : [0.4, 0.6], row * 2);
    }
    return out;
  },
};
const twoClasses = {
  identifier: byWindow,
  classes: ['a', 'b'].map((name) => ({ name, category: 'iot' as const })),
  mistaken: [0, 0],
  span: 60,
};

describe('a watcher', () => {
  test('asks of windows that are not full, and forgets what it said of them when they are', async () => {
    const watcher = createWatcher({ ...twoClasses, windowing: { size: 4, mix: 'home', port: 'service' } });
    const rows = (from: number, lengths: number[]) =>
      makeTrace(lengths.map((length, i) => ({ time: 1000 + from + i, length })));
    await watcher.add(rows(0, [100, 101, 101]));
    const packets = async () => (await watcher.state()).devices.map(({ all }) => all.packets);
    expect(await packets()).toEqual([3, 0]);
    expect(await packets()).toEqual([3, 0]);
    expect(watcher.held).toBe(3);
    await watcher.add(rows(3, [101, 101]));
    expect(await packets()).toEqual([4, 1]);
    expect(watcher.held).toBe(1);
  });

  test('tells of the last span and of all apart, and of rates in bytes a second', async () => {
    const watcher = createWatcher({ ...twoClasses, windowing: { size: 10, mix: 'home', port: 'service' } });
    await watcher.add(makeTrace(Array.from({ length: 20 }, (_, i) => ({ time: 1000 + i, length: 100 }))));
    await watcher.add(
      makeTrace(Array.from({ length: 20 }, (_, i) => ({ time: 1200 + i, length: 51, direction: i % 2 }))),
    );
    const state = await watcher.state(1219);
    expect(state.devices.map(({ now, all }) => [now.packets, all.packets])).toEqual([
      [0, 20],
      [20, 20],
    ]);
    expect(state.devices[1]!.now).toMatchObject({ seen: true, packetShare: 1, confidence: expect.closeTo(0.6, 6) });
    // One packet a second since 1214, and the one of 1219 itself, in 5 s: 3 of them outbound.
    expect(state.traffic).toEqual({ packets: 6 / 5, outbound: (3 * 51) / 5, inbound: (3 * 51) / 5 });
    expect(state.history.packets.filter((count) => count > 0)).toEqual(new Array(20).fill(1));
    expect((await watcher.state(1500)).now.packets).toBe(0);
  });

  test('holds no more packets than it may, and loses none', async () => {
    const packet = fc.record({ device: fc.nat(5), gap: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(packet, { maxLength: 40 }), { maxLength: 6 }),
        fc.integer({ min: 2, max: 9 }),
        async (batches, size) => {
          const mostHeld = 12;
          const windowing = { size, mix: 'single' as const, port: 'service' as const };
          const watcher = createWatcher({ ...twoClasses, windowing, mostHeld });
          let time = 0;
          let packets = 0;
          for (const batch of batches) {
            const rows = batch.map(({ device, gap }) => {
              time += gap;
              return { time, device };
            });
            await watcher.add(makeTrace(rows, { devices: ['0', '1', '2', '3', '4', '5'] }));
            packets += rows.length;
            expect(watcher.held).toBeLessThanOrEqual(mostHeld);
            expect((await watcher.state()).all.packets).toBe(packets);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('gives back the sums of each slot of a time', async () => {
    const watcher = createWatcher({ ...twoClasses, windowing: { size: 7, mix: 'home', port: 'service' } });
    const trace = makeTrace(Array.from({ length: 100 }, (_, i) => ({ time: 1000 + i / 4, length: 100 })));
    await watcher.add(
      takePackets(
        trace,
        Uint32Array.from({ length: 100 }, (_, i) => i),
      ),
    );
    const slots = await watcher.slots(1000.5, 1010.5);
    expect(slots.map((tally) => tally[0])).toEqual(new Array(9).fill(4));
  });
});
