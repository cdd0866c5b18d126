import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/commands.js';
import { homeveil, temporaryFolder, watchHomeveil } from '../support/run-cli.js';
import { sealVersionOne } from '../support/version-one.js';

const folder = temporaryFolder();
const key = join(folder, 'tunnel.key');
const at = ['--listen', '127.0.0.1:0', '--peer', '127.0.0.1:9'];
const tunnel = (...args: string[]) => homeveil('tunnel', ...args);

beforeAll(() => {
  expect(tunnel('keygen', key).status).toBe(0);
});

test('keygen writes a key for its owner alone, another each time, and none over another', () => {
  expect(statSync(key).mode & 0o777).toBe(0o600);
  const other = join(folder, 'other.key');
  tunnel('keygen', other);
  expect(readFileSync(other, 'utf8')).not.toBe(readFileSync(key, 'utf8'));
  expect(Buffer.from(readFileSync(key, 'utf8'), 'base64').length).toBe(32);
  expect(tunnel('keygen', key)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/exists.*never written over\n$/),
  });
});

test('what is wrong with a request is said in one line', async () => {
  const open = join(folder, 'open.key');
  writeFileSync(open, readFileSync(key));
  chmodSync(open, 0o640);
  const bad = join(folder, 'bad.key');
  writeFileSync(bad, 'not a key\n', { mode: 0o600 });
  const cases: [string[], number, RegExp][] = [
    [
      ['--key', open, '--defense', 'pad', ...at],
      1,
      /expected a file for its owner alone \(chmod 600\), found mode 640/,
    ],
    [['--key', bad, '--defense', 'pad', ...at], 1, /expected a key of 32 bytes in base64/],
    [['--key', join(folder, 'no.key'), '--defense', 'pad', ...at], 1, /cannot be read/],
    [['--key', key, '--defense', 'stp', ...at], 2, /defense stp: cannot run live: it decides/],
    [['--key', key, '--defense', 'noise+vpn', ...at], 2, /defense noise: cannot run live/],
    [['--key', key, '--defense', 'morph', ...at], 2, /expected training traffic/],
    [['--key', key, '--defense', 'pad', '--listen', '127.0.0.1:0'], 2, /expected either --peer, at home, or --forward/],
    [['--key', key, '--defense', 'pad', '--listen', 'here', '--peer', 'b:1'], 2, /--listen: expected HOST:PORT/],
    [['--key', key, '--defense', 'pad', ...at, '--mtu', '100'], 2, /--mtu: expected 1280 to 9216, found 100/],
    [['--key', key, '--defense', 'pad', ...at, '--for', 'ever'], 2, /--for: expected a time/],
  ];
  // In this process, since most of a command's time is the start of another.
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  for (const [args, status, message] of cases) {
    printed.mockClear();
    expect([args, await run(['tunnel', ...args])]).toEqual([args, status]);
    expect(printed.mock.calls).toEqual([[expect.stringMatching(message)]]);
    expect(printed.mock.calls[0]![0]).not.toContain('\n');
  }
  printed.mockRestore();
});

test('an address in use is said so', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const result = tunnel('--key', key, '--defense', 'pad', '--listen', `127.0.0.1:${port}`, '--peer', '127.0.0.1:9');
  expect(result).toMatchObject({
    status: 1,
    stderr: `homeveil: 127.0.0.1:${port}: cannot listen: address in use\n`,
  });
  socket.close();
});

test('after its time it ends well, with its figures; as JSON a line each', () => {
  const { status, stdout } = tunnel(
    '--key',
    key,
    '--defense',
    'front',
    ...at,
    '--for',
    '0.5s',
    '--every',
    '0.2',
    '--json',
  );
  expect(status).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ final: true, session: { isOpen: false, opened: 0 }, refused: { forged: 0 } });
  expect(lines.length).toBeGreaterThan(1);
  const text = tunnel('--key', key, '--defense', 'front', ...at, '--for', '0.1s').stdout;
  expect(text).toContain('note: front runs once for the tunnel');
  expect(text).toMatch(/set the MTU of\s+WireGuard to 1400 at most, tun-mtu of OpenVPN to 1408/);
});

/** Runs an end until it has printed `word`. */
async function runUntil(word: string, ...args: string[]) {
  const end = watchHomeveil('tunnel', '--key', key, '--defense', 'pad', '--for', '60s', ...args);
  while (!end.printed.stdout.includes(word)) await once(end.child.stdout!, 'data');
  return end;
}

/** A port of loopback that is free. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

test('each end says that it waits for the other, and that the other has come; Ctrl-C ends it with its figures', async () => {
  const there = `127.0.0.1:${await freePort()}`;
  const home = await runUntil("waiting for the peer's handshake", '--listen', '127.0.0.1:0', '--peer', there);
  const far = await runUntil('connected', '--listen', there, '--forward', '127.0.0.1:9');
  expect(far.printed.stdout).toMatch(/waiting for the peer's handshake\nconnected: the peer has proved/);
  while (!home.printed.stdout.includes('connected')) await once(home.child.stdout!, 'data');
  for (const { child, printed } of [home, far]) {
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(130);
    expect(printed.stdout).toContain('frames refused');
    expect(printed.stdout).toMatch(/session +open, .* old; opened 1, starts of the peer 1/);
  }
});

test('the far end says when the home speaks another version of the tunnel', async () => {
  const port = await freePort();
  const far = await runUntil('tun-mtu', '--listen', `127.0.0.1:${port}`, '--forward', '127.0.0.1:9');
  const socket = createSocket('udp4');
  const secret = Buffer.from(readFileSync(key, 'utf8'), 'base64');
  socket.send(sealVersionOne(secret, 'data'), port, '127.0.0.1');
  while (!far.printed.stdout.includes('version')) await once(far.child.stdout!, 'data');
  expect(far.printed.stdout).toContain(
    'the other end speaks version 1 of the tunnel, this one version 2: install the same Homeveil at both\n',
  );
  socket.close();
  far.child.kill('SIGKILL');
});
