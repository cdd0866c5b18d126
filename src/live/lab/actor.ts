import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../shared/errors.js';
import type { Host } from './namespaces.js';

/** A process of the lab that is spoken with. */
export interface Actor {
  send(message: object): void;
  /** Sends a message and gives the next one that comes. @throws InputError where the process ends without */
  ask<T>(message: object): Promise<T>;
}

/** @param program beside this file */
export function startActor(host: Host, program: string): Actor {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child: ChildProcess = host.start(process.execPath, [path], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let printed = '';
  child.stderr!.on('data', (chunk) => {
    printed += chunk;
  });
  const why = (): InputError => {
    const lines = printed.split('\n');
    const line = lines.find((text) => text.includes('Error')) ?? lines[0]!;
    return new InputError(`live: a process of the lab ended early: ${line.trim() || 'without a word'}`);
  };
  const send = (message: object): void => void child.send(message, () => {});
  return {
    send,
    ask: <T>(message: object) =>
      new Promise<T>((resolve, reject) => {
        if (child.exitCode !== null) return reject(why());
        const onMessage = (answer: unknown) => {
          child.off('exit', onExit);
          resolve(answer as T);
        };
        const onExit = () => {
          child.off('message', onMessage);
          reject(why());
        };
        child.once('message', onMessage).once('exit', onExit);
        send(message);
      }),
  };
}
