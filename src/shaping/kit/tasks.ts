import type { Link } from '../shaper.js';
import { createTimers } from '../timers.js';

/** A process on a link, beside others: it yields the time, in seconds, at which it continues. Infinity waits until woken. */
export type Task<T = void> = Generator<number, T, void>;

/** Many tasks on the one timer of a shaper. Those due at the same time continue in the order in which they yielded. */
export interface Tasks {
  /** The link of the call in which tasks run; nothing else may use it. */
  readonly link: Link;
  /** Adds a task, which begins in the first `run` at or after `time`; returns its number until it ends. */
  add(task: Task, time: number): number;
  /** Makes a task that waits continue in the next `run`, whatever time it waits for. */
  wake(task: number): void;
  /** Continues all tasks that are due, and sets the link's timer for the next. */
  run(link: Link): void;
}

export function createTasks(): Tasks {
  const timers = createTimers();
  const tasks: Task[] = [];
  const free: number[] = [];
  let current: Link | null = null;
  return {
    get link() {
      if (!current) throw new Error('tasks have a link only once they run');
      return current;
    },
    add(task, time) {
      const owner = free.pop() ?? tasks.length;
      tasks[owner] = task;
      timers.set(owner, time);
      return owner;
    },
    wake: (task) => timers.set(task, Number.NEGATIVE_INFINITY),
    run(link) {
      current = link;
      while (timers.next() <= link.now) {
        const owner = timers.take();
        const step = tasks[owner]!.next();
        if (step.done) free.push(owner);
        else timers.set(owner, step.value);
      }
      link.wakeAt(timers.next());
    },
  };
}
