import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InputError } from '../shared/errors.js';
import type { Host } from './namespaces.js';

/** A process of the lab that exchanges messages with this one. */
export interface Actor {
  send(message: object): void;
  /** Sends a message and returns the next unread one. @throws InputError where the process ends without one */
  ask<T>(message: object): Promise<T>;
}

/** @param program file name of the program, in the folder of this file */
export function startActor(host: Host, program: string): Actor {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child: ChildProcess = host.start(process.execPath, [path], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let printed = '';
  child.stderr!.on('data', (chunk) => {
    printed += chunk;
  });
  const why = (): InputError => {
    const lines = printed.split('\n');
    // Node prints the place of an error before its message.
    const line = lines.find((text) => /^\w*Error\b/.test(text)) ?? lines[0]!;
    return new InputError(`live: a process of the lab ended early: ${line.trim() || 'without a word'}`);
  };
  /** Messages not returned yet; one that came unasked, such as a failure, answers the next question. */
  const unread: unknown[] = [];
  let wake = (): void => {};
  child.on('message', (message) => {
    unread.push(message);
    wake();
  });
  let hasEnded = false;
  child.once('close', () => {
    hasEnded = true;
    wake();
  });
  const send = (message: object): void => void child.send(message, () => {});
  return {
    send,
    ask: <T>(message: object) =>
      new Promise<T>((resolve, reject) => {
        wake = () => {
          if (unread.length > 0) resolve(unread.shift() as T);
          else if (hasEnded) reject(why());
          else return;
          wake = () => {};
        };
        send(message);
        wake();
      }),
  };
}
