import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetwork, type Host, type Network, whyNoNamespaces } from '../../src/lab/namespaces.js';
import type { NoiseEvent } from '../../src/noise/events.js';
import { dnsQuery } from '../support/fixtures.js';
import { needs, noProgram } from '../support/needs.js';
import { homeveil, temporaryFolder } from '../support/run-cli.js';
import { startOn, until } from '../support/run-live.js';

/** An address of the Internet, as far as the test's network goes. */
const OUTSIDE = '93.184.216.34';

/** A page with a picture of any length, and an echo of datagrams. */
const SERVER = `
const { createServer } = require('node:http');
createServer(({ url, headers }, response) => {
  if (url !== '/picture') return response.end('<html><title>a page</title><img src="/picture">');
  const last = Number(/-([0-9]+)/.exec(headers.range ?? '')?.[1] ?? 9999);
  response.writeHead(206, { 'content-type': 'image/png', 'content-range': 'bytes 0-' + last + '/100000000' });
  response.end(Buffer.alloc(last + 1));
}).listen(80, '${OUTSIDE}');
const echo = require('node:dgram').createSocket('udp4').bind(9, '${OUTSIDE}');
echo.on('message', (message, { port, address }) => echo.send(message, port, address));
// A resolver that does not answer.
require('node:dgram').createSocket('udp4').bind(53, '${OUTSIDE}');
`;

/** Sends so many datagrams of 100 bytes, one every 100 ms, and with each a question of DNS. */
const DEVICE = (count: number) => `
const socket = require('node:dgram').createSocket('udp4');
let left = ${count};
const timer = setInterval(() => {
  if (left-- === 0) { clearInterval(timer); socket.close(); }
  else {
    socket.send(Buffer.alloc(100), 9, '${OUTSIDE}');
    socket.send(Buffer.from('${dnsQuery.toString('hex')}', 'hex'), 53, '${OUTSIDE}');
  }
}, 100);
`;

test('what passes an interface is for a defense to see, so there has to be one', () => {
  const run = homeveil('noise', '--dry-run', '--shape-on', 'eth0');
  expect([run.status, run.stderr]).toEqual([2, 'homeveil: --shape-on: expected --shape with it\n']);
  expect(homeveil('noise', '--dry-run', '--shape', 'wtf-pad', '--shape-on', 'eth0').stdout).toContain(
    'wtf-pad decides when, shown what passes eth0',
  );
});

needs(whyNoNamespaces(), noProgram('dumpcap')).describe('noise that reacts to the home', () => {
  let network: Network;
  let home: Host;
  beforeAll(async () => {
    network = createNetwork();
    const internet = network.host();
    home = network.host();
    network.link(home, internet, { names: ['eth0', 'eth0'], addresses: ['10.77.3.1/24', '10.77.3.2/24'] });
    internet.run('ip', 'address', 'add', `${OUTSIDE}/32`, 'dev', 'lo');
    home.run('ip', 'route', 'add', 'default', 'via', '10.77.3.2');
    internet.start(process.execPath, ['-e', SERVER]);
  });
  afterAll(() => network?.close());

  const start = async (shape: string) => {
    const folder = temporaryFolder();
    const config = join(folder, 'noise.yaml');
    writeFileSync(
      config,
      `roots: [http://${OUTSIDE}/]\nactiveHours: 0-24\nrobots: false\nseed: 1\nstate: ${join(folder, 'state.json')}\nunsafeAllowPrivate: [${OUTSIDE}/32]\n`,
    );
    const run = startOn(home, 'noise', '--config', config, '--shape', shape, '--shape-on', 'eth0', '--json');
    const events = (): NoiseEvent[] =>
      run.printed.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const of = <T extends NoiseEvent['type']>(type: T) =>
      events().filter((event) => event.type === type) as Extract<NoiseEvent, { type: T }>[];
    await until(() => of('home').length > 0);
    return { ...run, of };
  };
  const shown = (all: readonly { readonly packets: number }[]) => all.reduce((sum, { packets }) => sum + packets, 0);

  test('rests while the home does, and is shown neither its own packets nor DNS', async () => {
    const { of, child, ended, printed } = await start('wtf-pad');
    // One datagram and its echo, by which the gateway is known.
    home.run(process.execPath, '-e', DEVICE(1));
    await sleep(2000);
    const before = shown(of('shown'));
    expect(before).toBeLessThanOrEqual(2);
    home.run(process.execPath, '-e', DEVICE(20));
    await until(() => shown(of('shown')) >= before + 40 && of('request').length > 3);
    // Its own requests go on for some seconds, and none of their packets is shown.
    const requests = of('request').length;
    await until(() => of('request').length > requests + 5);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(printed.stderr).toBe('');
    expect(of('stop')[0]!.totals.shown).toBe(before + 40);
    // Nothing was asked for before the home had sent anything.
    expect(of('visit')[0]!.time).toBeGreaterThan(of('shown')[0]!.time - 2);
  });

  test('makes none where the home sends nothing', async () => {
    const { of, child, ended } = await start('wtf-pad');
    await sleep(2500);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(of('visit')).toEqual([]);
    expect(of('shown')).toEqual([]);
  });

  test('says why where it can see nothing', async () => {
    const run = startOn(home, 'noise', '--shape', 'front', '--shape-on', 'eth7');
    expect(await run.ended).not.toBe(0);
    expect(run.printed.stderr).toMatch(/^homeveil: [^\n]*eth7[^\n]*\n/);
  });
});
