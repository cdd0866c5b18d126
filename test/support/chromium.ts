import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { findProgram } from '../../src/live/capture/tools.js';
import type { Lack } from './needs.js';

/** Path of an installed Chromium; null where there is none. */
export function findChromium(): string | null {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = findProgram(name);
    if (found?.executable) return found.path;
  }
  return null;
}

/** How a page looks can only be checked by something that lays it out. */
export function noChromium(): Lack {
  return findChromium() === null ? 'no Chromium' : null;
}

export interface Browser {
  /** Calls a method of the Chrome DevTools Protocol in the one page that is open. */
  call(method: string, params?: object): Promise<Record<string, unknown>>;
  /** Value of a JavaScript expression in the page; of a promise, what it resolves to. */
  evaluate(expression: string): Promise<unknown>;
  /** Opens a URL and waits until it has loaded. */
  open(url: string): Promise<void>;
  /** Events of the protocol since the start, by method. */
  readonly events: { readonly method: string; readonly params: Record<string, unknown> }[];
  close(): Promise<void>;
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-pipe',
];

/** Starts Chromium and speaks the DevTools Protocol with it over pipes: nothing listens on a port. */
export async function startChromium(path: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'homeveil-chromium-'));
  const child: ChildProcess = spawn(path, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const input = child.stdio[3] as Writable;
  const events: Browser['events'] = [];
  const waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  let buffered = '';
  (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (buffered + chunk).split('\0');
    buffered = messages.pop()!;
    for (const text of messages) {
      const message = JSON.parse(text);
      if (message.id === undefined) events.push(message);
      else if (message.error) waiting.get(message.id)?.reject(new Error(message.error.message));
      else waiting.get(message.id)?.resolve(message.result as never);
      waiting.delete(message.id);
    }
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('chromium ended'));
  });
  let id = 0;
  const send = (method: string, params: object, sessionId?: string): Promise<Record<string, never>> =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });

  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call: Browser['call'] = (method, params = {}) => send(method, params, sessionId);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`);
  return {
    call,
    events,
    async evaluate(expression) {
      const { result } = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
      return (result as { value: unknown }).value;
    },
    async open(url) {
      const loads = () => events.filter((event) => event.method === 'Page.loadEventFired').length;
      const before = loads();
      await call('Page.navigate', { url });
      while (loads() === before) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await send('Browser.close', {}).catch(() => child.kill());
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
