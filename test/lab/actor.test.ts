import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { startActor } from '../../src/lab/actor.js';
import type { Host } from '../../src/lab/namespaces.js';

/** A process that answers with what it is told; on a host that is this one. */
function act(program: string) {
  const pids: number[] = [];
  const host: Pick<Host, 'start'> = {
    start(command, _, options = {}) {
      const child = spawn(command, ['-e', program], options);
      pids.push(child.pid!);
      return child;
    },
  };
  const actor = startActor(host as Host, './player.js');
  return { actor, kill: () => process.kill(pids[0]!, 'SIGKILL') };
}

const ECHO = `process.on('message', (told) => (told.end ? process.disconnect() : process.send({ told })))`;

test('what is asked is answered, in turn', async () => {
  const { actor } = act(ECHO);
  expect(await actor.ask({ first: 1 })).toEqual({ told: { first: 1 } });
  expect(await actor.ask({ second: 2 })).toEqual({ told: { second: 2 } });
  actor.send({ end: true });
});

test('what a process said of its own accord before it ended is the answer to what is asked next', async () => {
  const { actor } = act(
    `process.once('message', () => process.send('ready', () => process.send('failed', () => process.exit(1))))`,
  );
  expect(await actor.ask({})).toBe('ready');
  expect(await actor.ask({})).toBe('failed');
  await expect(actor.ask({})).rejects.toThrow(/^live: a process of the lab ended early: without a word$/);
});

test('one that throws, or is killed, is not waited for', async () => {
  const thrower = act(`process.once('message', () => { throw new RangeError('too far') })`);
  await expect(thrower.actor.ask({})).rejects.toThrow(
    /^live: a process of the lab ended early: .*RangeError: too far$/,
  );
  const { actor, kill } = act(ECHO);
  await actor.ask({});
  kill();
  await expect(actor.ask({})).rejects.toThrow(/ended early/);
  await expect(actor.ask({})).rejects.toThrow(/ended early/);
});
