import { createSocket } from 'node:dgram';
import { Resolver as Client } from 'node:dns/promises';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openResolver, type Resolver } from '../../src/lab/resolver.js';

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  'one.example': ['198.18.0.1'],
  'four.example': ['198.18.0.1', '198.18.0.2', '198.18.0.3', '198.18.0.4'],
  'many.example': Array.from({ length: 60 }, (_, i) => `198.18.1.${i}`),
};

let resolver: Resolver;
let client: Client;
beforeAll(async () => {
  resolver = await openResolver({ address: '127.0.0.1', port: 0, lookup: (name) => HOSTS[name] ?? [] });
  client = new Client({ timeout: 2000, tries: 1 });
  client.setServers([`127.0.0.1:${resolver.port}`]);
});
afterAll(() => resolver.close());

/** Returns the answer to one datagram. */
async function ask(datagram: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(datagram, resolver.port, '127.0.0.1');
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return message;
}

test('answers with as many addresses as there are, whatever the case of the name', async () => {
  expect(await client.resolve4('one.example')).toEqual(['198.18.0.1']);
  expect(await client.resolve4('FOUR.Example')).toEqual(HOSTS['four.example']);
});

test('says that there is no IPv6 address, and no such name', async () => {
  await expect(client.resolve6('one.example')).rejects.toMatchObject({ code: 'ENODATA' });
  await expect(client.resolve4('none.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('a record takes 16 bytes, as the simulated look-ups have it', async () => {
  const query = encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'four.example' }] });
  const answer = await ask(query);
  expect(answer).toHaveLength(query.length + 4 * 16);
  expect(decode(answer)).toMatchObject({
    id: 7,
    type: 'response',
    answers: [{ name: 'four.example', type: 'A' }, {}, {}, {}],
  });
});

test('what is too long for one datagram is cut, and says so; EDNS is answered in kind', async () => {
  const questions = [{ type: 'A' as const, name: 'many.example' }];
  const plain = await ask(encode({ type: 'query', id: 1, questions }));
  expect(plain.length).toBeLessThanOrEqual(512);
  expect(decode(plain)).toMatchObject({ flag_tc: true });
  const extended = encode({
    type: 'query',
    id: 2,
    questions,
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as never],
  });
  const answer = decode(await ask(extended));
  expect(answer.answers).toHaveLength(60);
  expect(answer).toMatchObject({ flag_tc: false, additionals: [{ type: 'OPT' }] });
});

test('what is no query is passed over', async () => {
  const socket = createSocket('udp4');
  socket.send(Buffer.from('no query at all'), resolver.port, '127.0.0.1');
  socket.send(
    encode({ type: 'response', id: 3, questions: [{ type: 'A', name: 'one.example' }] }),
    resolver.port,
    '127.0.0.1',
  );
  socket.send(
    encode({ type: 'query', id: 4, questions: [{ type: 'A', name: 'one.example' }] }),
    resolver.port,
    '127.0.0.1',
  );
  const [message] = (await once(socket, 'message')) as [Buffer];
  expect(decode(message).id).toBe(4);
  socket.close();
});

test('a port that is taken is an error of the system', async () => {
  await expect(openResolver({ address: '127.0.0.1', port: resolver.port, lookup: () => [] })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
