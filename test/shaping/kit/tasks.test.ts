import { expect, test } from 'vitest';
import { createTasks, type Task } from '../../../src/shaping/kit/tasks.js';
import type { Link } from '../../../src/shaping/shaper.js';

/** A link that knows nothing but its clock and the timer that was set. */
function clock() {
  const link = {
    now: 0,
    timer: Number.POSITIVE_INFINITY,
    wakeAt(time: number) {
      link.timer = time;
    },
  };
  return link as typeof link & Link;
}

/** Runs tasks as the virtual clock would, up to `end`. */
function runUntil(end: number, tasks: ReturnType<typeof createTasks>, link: ReturnType<typeof clock>): void {
  tasks.run(link);
  while (link.timer <= end) {
    link.now = link.timer;
    tasks.run(link);
  }
}

test('tasks go on at the times that they yield, one timer for all', () => {
  const tasks = createTasks();
  const link = clock();
  const log: [string, number][] = [];
  function* every(name: string, period: number, times: number): Task {
    for (let i = 0; i < times; i++) {
      log.push([name, tasks.link.now]);
      yield tasks.link.now + period;
    }
  }
  tasks.add(every('a', 2, 3), 1);
  tasks.add(every('b', 3, 2), 1);
  runUntil(100, tasks, link);
  expect(log).toEqual([
    ['a', 1],
    ['b', 1],
    ['a', 3],
    ['b', 4],
    ['a', 5],
  ]);
  expect(link.timer).toBe(Number.POSITIVE_INFINITY);
});

test('a task may start others, and those that ended leave their place', () => {
  const tasks = createTasks();
  const link = clock();
  let ended = 0;
  function* chain(left: number): Task {
    yield tasks.link.now + 1;
    ended++;
    if (left > 1) tasks.add(chain(left - 1), tasks.link.now);
  }
  tasks.add(chain(1000), 0);
  runUntil(2000, tasks, link);
  expect([ended, link.now]).toEqual([1000, 1000]);
});

test('a time that has passed is now', () => {
  const tasks = createTasks();
  const link = clock();
  let at = -1;
  function* late(): Task {
    yield tasks.link.now - 5;
    at = tasks.link.now;
  }
  tasks.add(late(), 3);
  runUntil(10, tasks, link);
  expect(at).toBe(3);
});

test('a task that waits for another time, or for none, continues when it is woken', () => {
  const tasks = createTasks();
  const link = clock();
  const log: number[] = [];
  function* waiting(): Task {
    for (;;) {
      log.push(tasks.link.now);
      yield log.length === 1 ? Number.POSITIVE_INFINITY : tasks.link.now + 10;
    }
  }
  const task = tasks.add(waiting(), 0);
  for (const now of [0, 5, 7]) {
    link.now = now;
    tasks.wake(task);
    tasks.run(link);
  }
  expect(log).toEqual([0, 5, 7]);
  runUntil(20, tasks, link);
  expect(log).toEqual([0, 5, 7, 17]);
});

test('there is no link before tasks run', () => {
  expect(() => createTasks().link).toThrow('only once they run');
});
