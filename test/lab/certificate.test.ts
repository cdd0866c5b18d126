import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { createCertificate, createKey } from '../../src/lab/certificate.js';

/** Bytes by which a server's first flight of TLS 1.3 is longer than its certificate, with a key of RSA-2048 and a key share of X25519. */
const FLIGHT = 556;

let key: string;
beforeAll(async () => {
  key = await createKey();
});

test('who trusts it accepts it by each of its names, others by none', async () => {
  const { cert } = await createCertificate(['one.example', 'two.test', '127.0.0.1'], 3000, key);
  // Newer versions of OpenSSL prefer a key share of a kilobyte more (X25519MLKEM768).
  const server = createServer({ key, cert, ecdhCurve: 'X25519' }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.on('tlsClientError', () => {});
  const outcome = (servername: string, ca?: string) =>
    new Promise<string>((resolve) => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername, ca }, () => {
        resolve(socket.getProtocol()!);
        socket.destroy();
      });
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code!));
    });
  expect(await outcome('one.example', cert)).toBe('TLSv1.3');
  expect(await outcome('two.test', cert)).toBe('TLSv1.3');
  expect(await outcome('', cert)).toBe('TLSv1.3');
  expect(await outcome('three.test', cert)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(await outcome('one.example')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  // This is all the server has sent by then: its tickets follow the client's Finished.
  const below = connectTcp(port, '127.0.0.1');
  const socket = connect({ socket: below, servername: 'one.example', ca: cert });
  await once(socket, 'secureConnect');
  expect(Math.abs(below.bytesRead - FLIGHT - new X509Certificate(cert).raw.length)).toBeLessThan(5);
  socket.destroy();
  server.close();
});

test.each([1200, 2345, 4900])('is as long as asked for: %i bytes', async (bytes) => {
  const certificate = new X509Certificate((await createCertificate(['one.example'], bytes, key)).cert);
  expect(Math.abs(certificate.raw.length - bytes)).toBeLessThanOrEqual(2);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails!.modulusLength).toBe(2048);
  const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(5);
  expect(days).toBeLessThan(10);
});

test('is no shorter than its names need', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `some-host-${i}.example`);
  const certificate = new X509Certificate((await createCertificate(names, 500, key)).cert);
  for (const name of names) expect(certificate.checkHost(name)).toBe(name);
});

test('has a key of its own where none is given', async () => {
  const [first, second] = await Promise.all([createCertificate(['one.example']), createCertificate(['one.example'])]);
  expect(first!.key).not.toBe(second!.key);
});
