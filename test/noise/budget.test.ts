import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BudgetLimits, createBudget } from '../../src/noise/budget.js';
import { openState } from '../../src/noise/state-file.js';
import { createWindow } from '../../src/noise/window.js';
import { temporaryFolder } from '../support/run-cli.js';

const limits: BudgetLimits = { perHour: 1e6, perDay: 3e6, perMonth: 10e6, requestsPerMinute: 5, connections: 2 };
const never = new AbortController().signal;

describe('a window', () => {
  test('never counts less than any span of its length holds, nor one more bucket than that', () => {
    const additions = fc.array(
      fc.tuple(fc.double({ min: 0, max: 20, noNaN: true }), fc.integer({ min: 1, max: 100 })),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(additions, (steps) => {
        const window = createWindow(60, 6);
        const all: [number, number][] = [];
        let now = 1000;
        for (const [gap, amount] of steps) {
          now += gap;
          window.add(now, amount);
          all.push([now, amount]);
          const within = (span: number) => all.reduce((sum, [time, one]) => (time > now - span ? sum + one : sum), 0);
          expect(window.total(now)).toBeGreaterThanOrEqual(within(60));
          expect(window.total(now)).toBeLessThanOrEqual(within(70.001));
        }
      }),
    );
  });

  test('says when there is room again', () => {
    const window = createWindow(60, 6);
    window.add(105, 10);
    window.add(115, 5);
    expect(window.timeOf(116, 15)).toBe(116);
    // The bucket from 100 to 110 is gone 70 s after it began: after any 60 s that held it.
    expect(window.timeOf(116, 14)).toBe(170);
    expect(window.timeOf(116, 4)).toBe(180);
    expect(window.timeOf(116, -1)).toBe(Number.POSITIVE_INFINITY);
    expect(window.total(169.9)).toBe(15);
    expect(window.total(170)).toBe(5);
  });
});

describe('bytes', () => {
  test('no hour, day or month holds more than its limit, whatever is asked for and when', () => {
    const requests = fc.array(
      fc.tuple(fc.double({ min: 0, max: 20_000, noNaN: true }), fc.integer({ min: 1, max: 700_000 })),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(requests, (steps) => {
        let now = 1.7e9;
        const budget = createBudget(limits, null, () => now);
        const spent: [number, number][] = [];
        for (const [gap, amount] of steps) {
          now += gap;
          if (budget.reserve(amount)) {
            budget.spend(amount);
            spent.push([now, amount]);
          }
          const within = (span: number) => spent.reduce((sum, [time, one]) => (time > now - span ? sum + one : sum), 0);
          expect(within(3600)).toBeLessThanOrEqual(limits.perHour);
          expect(within(86_400)).toBeLessThanOrEqual(limits.perDay);
          expect(within(31 * 86_400)).toBeLessThanOrEqual(limits.perMonth);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('what is set aside counts, until it is given back', () => {
    const budget = createBudget(limits);
    expect(budget.reserve(600_000)).toBe(true);
    expect(budget.reserve(600_000)).toBe(false);
    budget.release(300_000);
    expect(budget.reserve(600_000)).toBe(true);
    expect(budget.spending().hour).toBe(900_000);
  });

  test('a clock that is set back, or forward and back, refills nothing', () => {
    let now = 1.7e9;
    const budget = createBudget(limits, null, () => now);
    budget.reserve(1e6);
    budget.spend(1e6);
    now -= 86_400;
    expect(budget.reserve(1)).toBe(false);
    now += 3000;
    expect(budget.reserve(1)).toBe(false);
    now += 700;
    expect(budget.reserve(1)).toBe(true);
  });
});

test('requests wait for the minute, and end with the signal', async () => {
  let now = 1.7e9;
  const budget = createBudget(limits, null, () => now);
  const sent = [];
  for (let i = 0; i < 5; i++) sent.push(await budget.request(never));
  const stop = new AbortController();
  const sixth = budget.request(stop.signal);
  stop.abort(new Error('over'));
  await expect(sixth).rejects.toThrow();
  // It counts for a minute from when it was sent, which may be long after it was allowed.
  now += 100;
  expect(budget.spending().requests).toBe(5);
  for (const one of sent) one();
  now += 59;
  expect(budget.spending().requests).toBe(5);
  now += 2;
  (await budget.request(never))();
  expect(budget.spending().requests).toBe(1);
});

test('connections wait for one to be closed', async () => {
  const budget = createBudget(limits);
  const [first] = [await budget.connection(never), await budget.connection(never)];
  let isOpen = false;
  const third = budget.connection(never).then((close) => {
    isOpen = true;
    return close;
  });
  const stop = new AbortController();
  const fourth = budget.connection(stop.signal);
  stop.abort(new Error('over'));
  await expect(fourth).rejects.toThrow('over');
  expect(isOpen).toBe(false);
  first!();
  first!();
  await third;
  expect(budget.spending().connections).toBe(2);
});

describe('across restarts', () => {
  const path = () => join(temporaryFolder(), 'deep', 'state.json');

  test('what was spent stays spent, to the byte', () => {
    const file = path();
    const one = createBudget(limits, openState(file));
    one.reserve(500_000);
    one.spend(400_000);
    one.release(100_000);
    one.close();
    const two = createBudget(limits, openState(file));
    expect(two.spending()).toMatchObject({ hour: 400_000, day: 400_000, month: 400_000 });
    two.close();
  });

  test('after a kill, at least what was used counts, and little more', async () => {
    const file = path();
    // Never closed, as by SIGKILL: the lock is then of a process that is gone.
    const state = openState(file);
    const killed = createBudget(limits, state);
    let used = 0;
    for (let i = 0; i < 57; i++) {
      if (killed.reserve(7001)) killed.spend(7001);
      used += 7001;
    }
    for (let i = 0; i < 3; i++) (await killed.request(never))();
    state.close();
    const after = createBudget(limits, openState(file));
    const { hour, requests } = after.spending();
    expect(hour).toBeGreaterThanOrEqual(used);
    expect(hour).toBeLessThanOrEqual(used + 7001 + limits.perHour / 100);
    expect(requests).toBeGreaterThanOrEqual(3);
    expect(requests).toBeLessThanOrEqual(4);
    after.close();
  });

  test('a second process is told so; the lock of one that is gone is nobody’s', () => {
    const file = path();
    const first = openState(file);
    expect(() => openState(file)).toThrow(`${file}: in use by process ${process.pid}`);
    first.close();
    expect(existsSync(`${file}.lock`)).toBe(false);
    const gone = spawnSync(process.execPath, ['-e', 'console.log(process.pid)'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(`${file}.lock`, `${gone} 123\n`);
    openState(file).close();
    // The number of a process that runs, but began at another time.
    writeFileSync(`${file}.lock`, `${process.pid} 1\n`);
    openState(file).close();
    writeFileSync(`${file}.lock`, 'nonsense\n');
    openState(file).close();
  });

  test('a file that is not ours is not taken for empty budgets', () => {
    const file = join(temporaryFolder(), 'state.json');
    writeFileSync(file, '{"version": 1');
    expect(() => openState(file)).toThrow(/state\.json: not what homeveil noise wrote/);
    expect(existsSync(`${file}.lock`)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('{"version": 1');
  });
});
