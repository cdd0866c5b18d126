import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { createOwnConnections } from '../../src/noise/own-connections.js';

test('a connection is known from before it is open until its last packets have come', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const own = createOwnConnections(200);
  const open = () => {
    const socket = connect({ host: '127.0.0.1', port });
    own.add(socket, '127.0.0.1', port);
    return socket;
  };
  const socket = open();
  // As yet from any port.
  expect([own.has(1, '127.0.0.1', port), own.has(1, '127.0.0.1', port + 1)]).toEqual([true, false]);
  await once(socket, 'connect');
  const local = socket.localPort!;
  const other = open();
  await once(other, 'connect');
  const known = () => [local, other.localPort!, 1].map((from) => own.has(from, '127.0.0.1', port));
  expect(known()).toEqual([true, true, false]);
  socket.destroy();
  await once(socket, 'close');
  expect(known()).toEqual([true, true, false]);
  await vi.waitFor(() => expect(known()).toEqual([false, true, false]));
  other.destroy();
  server.close();
});

test('one that never opens is forgotten too', async () => {
  const own = createOwnConnections(0);
  const socket = connect({ host: '127.0.0.1', port: 1 });
  own.add(socket, '127.0.0.1', 1);
  expect(own.has(5, '127.0.0.1', 1)).toBe(true);
  await new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  await vi.waitFor(() => expect(own.has(5, '127.0.0.1', 1)).toBe(false));
});
