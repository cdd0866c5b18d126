import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { whyNoNamespaces } from '../../../src/lab/namespaces.js';
import { needs, noProgram } from '../../support/needs.js';
import { createStretch, type Stretch } from '../../support/two-ends.js';

const lacks = [whyNoNamespaces(), noProgram('tcpdump'), noProgram('tshark')];

/** Sends back what it gets, where the VPN's server would be. */
const ECHO = `
const socket = require('dgram').createSocket('udp4');
socket.on('message', (message, from) => socket.send(message, from.port, from.address));
socket.bind(51820, '127.0.0.1', () => console.log('ready'));`;

/** Sends datagrams of all lengths, one every 20 ms, until \`want\` have come back; prints how many came, and how many changed. */
const ask = (want: number) => `
const socket = require('dgram').createSocket('udp4');
const of = (n) => { const b = Buffer.alloc(5 + (n * 137) % 1900, n); b.writeUInt32BE(n); return b; };
let sent = 0, came = 0, changed = 0;
socket.on('message', (message) => {
  came++;
  if (!message.equals(of(message.readUInt32BE()))) changed++;
  if (came === ${want}) { console.log(JSON.stringify({ sent, came, changed })); process.exit(); }
});
setInterval(() => { if (sent < 900) socket.send(of(sent++), 51821, '127.0.0.1'); }, 20);
setTimeout(() => { console.log(JSON.stringify({ sent, came, changed })); process.exit(); }, 20000);`;

needs(...lacks).describe('two ends and a provider', () => {
  let stretch: Stretch;
  const run = (want: number) => JSON.parse(stretch.home.run(process.execPath, '-e', ask(want)));

  beforeAll(() => {
    stretch = createStretch();
  });
  afterAll(() => stretch?.close());

  test('a constant rate: one flow, one length, as many frames as planned; all datagrams come back unchanged', async () => {
    const echo = await stretch.startNode(stretch.far, ECHO);
    const defense = 'constant-rate:size=700,interval=0.01';
    const ends = [await stretch.startEnd('far', defense), await stretch.startEnd('home', defense)];
    const read = await stretch.capture();
    expect(run(60)).toMatchObject({ came: 60, changed: 0 });
    const frames = await read();
    const flows = new Set(frames.map(({ from, to }) => [from, to].sort().join(' ')));
    expect([...flows]).toEqual([expect.stringMatching(/^10\.77\.0\.1:\d+ 10\.77\.1\.1:51900$/)]);
    expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([700]));
    for (const outbound of [true, false]) {
      const times = frames.filter(({ to }) => to.endsWith(':51900') === outbound).map(({ time }) => time);
      const planned = (times.at(-1)! - times[0]!) / 0.01;
      // A frame may be late by as much as makes one more or less of it; more only where the machine stood still.
      expect(times.length - 1).toBeGreaterThan(planned * 0.9 - 2);
      expect(times.length - 1).toBeLessThan(planned * 1.1 + 2);
    }
    for (const child of [echo, ...ends]) child.kill('SIGKILL');
  });

  test('an end that is killed and started again is heard, without the other', async () => {
    const echo = await stretch.startNode(stretch.far, ECHO);
    let far = await stretch.startEnd('far', 'pad:rule=mtu+jitter:delay=0.005');
    let home = await stretch.startEnd('home', 'pad:rule=mtu+jitter:delay=0.005');
    expect(run(10)).toMatchObject({ came: 10, changed: 0 });
    home.kill('SIGKILL');
    await once(home, 'exit');
    home = await stretch.startEnd('home', 'pad:rule=mtu+jitter:delay=0.005');
    expect(run(10)).toMatchObject({ came: 10, changed: 0 });
    far.kill('SIGKILL');
    await once(far, 'exit');
    far = await stretch.startEnd('far', 'pad:rule=mtu+jitter:delay=0.005');
    expect(run(10)).toMatchObject({ came: 10, changed: 0 });
    for (const child of [echo, home, far]) child.kill('SIGKILL');
  });

  test('no packet is longer than the MTU says', async () => {
    const echo = await stretch.startNode(stretch.far, ECHO);
    const ends = [
      await stretch.startEnd('far', 'pad:rule=random', '--mtu', '1300'),
      await stretch.startEnd('home', 'pad:rule=random', '--mtu', '1300'),
    ];
    const read = await stretch.capture();
    expect(run(40)).toMatchObject({ came: 40, changed: 0 });
    const frames = await read();
    expect(Math.max(...frames.map(({ length }) => length))).toBe(1314);
    for (const child of [echo, ...ends]) child.kill('SIGKILL');
  });
});

/** Sends back what it gets over TCP, in the far end's VPN and elsewhere. */
const PASS_TCP = `
require('net').createServer((socket) => socket.pipe(socket)).listen(7, () => console.log('ready'));`;

/** Connects, over and over until the VPN stands, sends 300 kB and prints whether they came back as they were. */
const CALL_TCP = `
const sent = require('crypto').randomBytes(300000);
function call() {
  const socket = require('net').connect(7, '10.8.0.1');
  const chunks = [];
  let got = 0;
  socket.on('error', () => setTimeout(call, 200));
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    got += chunk.length;
    if (got === sent.length) { console.log(Buffer.concat(chunks).equals(sent)); process.exit(); }
  });
  socket.write(sent);
}
call();
setTimeout(() => { console.log('not in time'); process.exit(); }, 20000);`;

/** Tests that every VPN must pass over the tunnel. */
async function useVpn(stretch: Stretch): Promise<void> {
  await stretch.startNode(stretch.far, PASS_TCP);
  const read = await stretch.capture();
  expect(stretch.home.run(process.execPath, '-e', CALL_TCP).trim()).toBe('true');
  const frames = await read();
  expect(frames.length).toBeGreaterThan(400);
  // Nothing of the VPN is seen beside the tunnel, and no fragments.
  expect(new Set(frames.map(({ to, from }) => (to.endsWith(':51900') ? to : from)))).toEqual(
    new Set(['10.77.1.1:51900']),
  );
  expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([1514]));
}

needs(...lacks, noProgram('openvpn')).describe('OpenVPN', () => {
  let stretch: Stretch;
  afterEach(() => stretch?.close());

  test('moves data over TCP, and an observer sees frames of one length in one flow', async () => {
    stretch = createStretch();
    const secret = `${stretch.folder}/static.key`;
    stretch.home.run('openvpn', '--genkey', 'secret', secret);
    const defense = 'constant-rate:size=1514,interval=0.003';
    await stretch.startEnd('far', defense);
    await stretch.startEnd('home', defense);
    const common = ['--dev', 'tun', '--proto', 'udp', '--secret', secret, '--cipher', 'AES-256-CBC'];
    const quiet = ['--tun-mtu', '1360', '--verb', '1'];
    stretch.far.start('openvpn', [...common, ...quiet, '--ifconfig', '10.8.0.1', '10.8.0.2', '--lport', '51820'], {
      stdio: 'ignore',
    });
    const remote = ['--remote', '127.0.0.1', '51821', '--nobind'];
    stretch.home.start('openvpn', [...common, ...quiet, '--ifconfig', '10.8.0.2', '10.8.0.1', ...remote], {
      stdio: 'ignore',
    });
    await useVpn(stretch);
  });
});

needs(...lacks, noProgram('wireguard-go'), noProgram('wg')).describe('WireGuard', () => {
  let stretch: Stretch;
  afterEach(() => stretch?.close());

  test('moves data over TCP, and an observer sees frames of one length in one flow', async () => {
    stretch = createStretch();
    const defense = 'constant-rate:size=1514,interval=0.003';
    await stretch.startEnd('far', defense);
    await stretch.startEnd('home', defense);
    // Sockets of wireguard-go bear the name of the interface, in one folder for all namespaces.
    const names = { home: `${stretch.home.name.slice(3)}h`, far: `${stretch.far.name.slice(3)}f` };
    const script = (which: 'home' | 'far', text: string) => stretch[which].run('sh', '-ec', text);
    for (const which of ['home', 'far'] as const) {
      stretch[which].start('wireguard-go', ['-f', names[which]], { stdio: 'ignore' });
      script(
        which,
        `for i in $(seq 50); do ip link show ${names[which]} >/dev/null 2>&1 && break; sleep 0.1; done
        cd ${stretch.folder}; umask 077; wg genkey > ${which}.key; wg pubkey < ${which}.key > ${which}.pub
        wg set ${names[which]} private-key ${which}.key`,
      );
    }
    script(
      'far',
      `cd ${stretch.folder}; wg set ${names.far} listen-port 51820 peer $(cat home.pub) allowed-ips 10.8.0.2/32
      ip address add 10.8.0.1/24 dev ${names.far}; ip link set ${names.far} mtu 1400 up`,
    );
    script(
      'home',
      `cd ${stretch.folder}
      wg set ${names.home} peer $(cat far.pub) allowed-ips 10.8.0.0/24 endpoint 127.0.0.1:51821
      ip address add 10.8.0.2/24 dev ${names.home}; ip link set ${names.home} mtu 1400 up`,
    );
    await useVpn(stretch);
  });
});
