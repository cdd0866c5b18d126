import { expect, test } from 'vitest';
import { createMemoryGate } from '../../../src/harness/jobs/memory.js';

/** Which of some entries have been let in so far. */
function watch(entries: readonly Promise<void>[]): boolean[] {
  const entered = entries.map(() => false);
  for (const [i, entry] of entries.entries()) {
    entry.then(() => {
      entered[i] = true;
    });
  }
  return entered;
}
const soon = () => new Promise((resolve) => setImmediate(resolve));

test('jobs enter until their estimates reach the bound, the next where one leaves', async () => {
  // By estimate a job of a million packets takes 350 MB.
  const gate = createMemoryGate(1e9, () => 100e6);
  const entered = watch([gate.enter(1e6), gate.enter(1e6), gate.enter(1e6)]);
  await soon();
  expect(entered).toEqual([true, true, false]);
  gate.leave(1e6);
  await soon();
  expect(entered).toEqual([true, true, true]);
});

test('a job that alone is beyond the bound runs alone', async () => {
  const gate = createMemoryGate(1e9, () => 100e6);
  const entered = watch([gate.enter(50e6), gate.enter(1)]);
  await soon();
  expect(entered).toEqual([true, false]);
  gate.leave(50e6);
  await soon();
  expect(entered).toEqual([true, true]);
});

test('jobs that take more than estimated make room for fewer', async () => {
  let rss = 100e6;
  const gate = createMemoryGate(1e9, () => rss);
  await gate.enter(1e6);
  rss = 800e6;
  gate.look();
  rss = 100e6;
  const entered = watch([gate.enter(1e6)]);
  await soon();
  expect(entered).toEqual([false]);
});

test('what the process takes counts, whoever takes it', async () => {
  let rss = 100e6;
  const gate = createMemoryGate(2e9, () => rss);
  await gate.enter(0);
  rss = 1.95e9;
  const entered = watch([gate.enter(0)]);
  await soon();
  expect(entered).toEqual([false]);
});
