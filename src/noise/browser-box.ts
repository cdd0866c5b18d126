/**
 * Program that `homeveil noise` starts in place of its browser, in a network namespace of its own where possible:
 * `node browser-box.js order.json ARGUMENTS...`. It relays connections to a port of loopback to a Unix socket, which can be reached
 * from any namespace, and runs the browser, as another user if ordered. It ends with the browser.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { BOX, type BoxOrder } from './isolation.js';

const FEATURES = '--disable-features=';

const [path, ...given] = process.argv.slice(2);
const order = JSON.parse(readFileSync(path!, 'utf8')) as BoxOrder;

function run(): void {
  const kept = given.filter((one) => !one.startsWith('--user-data-dir=') && !one.startsWith(FEATURES));
  // Chromium reads only the last list of features.
  const features = given.filter((one) => one.startsWith(FEATURES)).map((one) => one.slice(FEATURES.length));
  const args = [...kept, `--user-data-dir=${order.profile}`, `${FEATURES}${features.join(',')}`];
  // Playwright drives the browser through pipes 3 and 4.
  const browser = spawn(order.executable, args, {
    stdio: [0, 1, 2, 3, 4],
    env: order.environment,
    ...(order.user ?? {}),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => browser.kill(signal));
  browser.on('error', ({ message }) => end(message));
  browser.on('exit', (code) => process.exit(code ?? 1));
}

function end(problem: string): void {
  process.stderr.write(`${BOX} ${problem}\n`);
  process.exit(1);
}

if (order.relay) {
  const { port, socket } = order.relay;
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socket, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  relay.on('error', ({ message }) => end(message));
  relay.listen(port, '127.0.0.1', run);
} else {
  run();
}
