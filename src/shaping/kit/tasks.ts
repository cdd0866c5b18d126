import type { Link } from '../shaper.js';
import { createTimers } from '../timers.js';

/** Something that goes on beside others on one link: it yields the time, in seconds, at which it wants to go on. */
export type Task<T = void> = Generator<number, T, void>;

/** Many tasks on the one timer of a shaper. Those due at the same time go on in the order in which they said so. */
export interface Tasks {
  /** The link of the call in which tasks run; nothing else may use it. */
  readonly link: Link;
  /** Adds a task that is to begin at `time`; it begins in the next `run` that is not too early. */
  add(task: Task, time: number): void;
  /** Goes on with all that are due, and sets the link's timer for the next. */
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
    },
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
