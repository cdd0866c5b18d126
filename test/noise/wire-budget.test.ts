import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whyNoNamespaces } from '../../src/lab/namespaces.js';
import { connectionsFor } from '../../src/noise/meter.js';
import { largestBuffer, receiveWindow } from '../../src/noise/receive-window.js';
import { countedIn, createHostileNetwork, type HostileNetwork, writeConfig } from '../support/hostile-network.js';
import { needs } from '../support/needs.js';
import { noBrowser } from '../support/no-browser.js';
import { startOn, until } from '../support/run-live.js';

const BUDGET = 5e6;
/** Bytes of IPv6's neighbour discovery and of ARP, which the interface counts too. */
const LINK = 3000;

/** Time limit that a busy machine keeps too. */
const SLOW = 180_000;

const noWindow = receiveWindow() === null ? 'no koffi' : null;

needs(whyNoNamespaces(), noWindow).describe('a budget on the wire, by the counters of the interface', () => {
  let network: HostileNetwork;
  beforeAll(async () => {
    network = await createHostileNetwork({ '': [] }, 'greedy');
  });
  afterAll(() => network?.close());

  const configure = (more = '') =>
    writeConfig(
      `connections: 24\nusers: 2\nlimits: {resources: 50, responseTime: 4, pageTime: 10}\nbudgets: {perHour: 5 MB, perDay: 2 GB, perMonth: 3 GB}\n${more}`,
    );
  const start = async (config: string) => {
    const run = startOn(network.machine, 'noise', '--config', config, '--json');
    // A fast machine has spent all of it at once, and the next process rests.
    await until(() => run.child.exitCode !== null || /"type":"(visit|rest)"/.test(run.printed.stdout));
    return run;
  };

  const engines: [string, string][] = [['http', '']];
  if (noBrowser() === null) engines.push(['browser', 'engine: browser\n']);
  test.each(engines)(
    'is kept by a process that is stopped for a second again and again while servers send: engine %s',
    async (_, more) => {
      const { config, state } = configure(more);
      const before = network.carried();
      const { child, printed, ended } = await start(config);
      // Machines differ in how fast they are: each time it goes on until something has come, and that until most of it is spent.
      for (let i = 0; i < 4 || (i < 10 && network.carried() - before < 0.6 * BUDGET); i++) {
        const last = network.carried();
        for (let wait = 0; wait < 20 && network.carried() < last + 2e5; wait++) await sleep(100);
        child.kill('SIGSTOP');
        await sleep(1000);
        child.kill('SIGCONT');
      }
      await sleep(500);
      child.kill('SIGINT');
      expect([await ended, printed.stderr]).toEqual([0, '']);
      const carried = network.carried() - before;
      expect(carried).toBeGreaterThan(BUDGET / 5);
      expect(carried).toBeLessThanOrEqual(BUDGET + LINK);
      // An orderly end leaves the file with what was used.
      expect(countedIn(state)).toBeGreaterThanOrEqual(carried - LINK);
      expect(countedIn(state)).toBeLessThanOrEqual(BUDGET);
    },
    SLOW,
  );

  test(
    'is kept over processes that are killed, each of which begins with what the last one used',
    async () => {
      const { config, state } = configure();
      const before = network.carried();
      for (const stops of [false, true]) {
        const { child, ended } = await start(config);
        await until(() => existsSync(state));
        await sleep(400);
        if (stops) child.kill('SIGSTOP');
        if (stops) await sleep(500);
        child.kill('SIGKILL');
        await ended;
        await sleep(200);
        expect(countedIn(state)).toBeGreaterThanOrEqual(network.carried() - before - LINK);
      }
      expect(network.carried() - before).toBeLessThanOrEqual(BUDGET + LINK);
    },
    SLOW,
  );
});

test('where receive buffers cannot be limited, there are no more connections than may fill theirs', () => {
  const limits = { perHour: 8 * largestBuffer(), perDay: 1e12, perMonth: 1e13, requestsPerMinute: 60, connections: 24 };
  expect(connectionsFor(limits, null)).toBe(3);
  expect(connectionsFor({ ...limits, perHour: 1e12 }, null)).toBe(24);
  expect(() => connectionsFor({ ...limits, perHour: 1e6 }, null)).toThrow(
    /^budgets: expected at least \d+ MB where receive buffers cannot be limited, found 1 MB; .*koffi/,
  );
});
