import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/shared/errors.js';
import { hashTrace } from '../../src/trace/hash-trace.js';
import { loadTrace } from '../../src/trace/load.js';
import type { ColumnName } from '../../src/trace/seen.js';
import { filterPackets, shareTrace, type Trace } from '../../src/trace/trace.js';
import {
  DEVICE,
  ethernet,
  GATEWAY,
  ipv4,
  ipv6,
  pcap,
  type Recorded,
  tcp,
  temporaryFolder,
  udp,
} from '../support/fixtures.js';
import { clientHello, dnsAnswer, httpRequest } from '../support/messages.js';
import { needs, noProgram } from '../support/needs.js';

const folder = temporaryFolder();
const labels = join(folder, 'labels.csv');
const CAMERA = '02:00:00:00:00:0c';
writeFileSync(labels, `mac,device\n${DEVICE},plug\n${CAMERA},camera\n`);

const [CLOUD, OTHER, PLUG_IP, CAMERA_IP, ROUTER_IP] = ['93.184.216.34', '9.9.9.9', '10.0.0.2', '10.0.0.3', '10.0.0.1'];
const bytesOf = (address: string) => address.split('.').map(Number);

/** A frame that a device sends to `to`, or receives from it. */
const out = (to: string, transport: number, segment: Uint8Array, mac = DEVICE, from = PLUG_IP) =>
  ethernet(0x0800, ipv4(transport, segment, { from, to }), { from: mac, to: GATEWAY });
const back = (from: string, transport: number, segment: Uint8Array, mac = DEVICE, to = PLUG_IP) =>
  ethernet(0x0800, ipv4(transport, segment, { from, to }), { from: GATEWAY, to: mac });

const syn = (to: string, port = 50000) => out(to, 6, tcp(port, 443));
const answer = (asked: string, address: string) =>
  back(ROUTER_IP, 17, udp(53, 40000, dnsAnswer(asked, [[asked, bytesOf(address)]])));

let captures = 0;

/** Loads frames that come a second after each other, whole or the first `captured` bytes of each. */
async function load(frames: readonly Uint8Array[], columns: readonly ColumnName[] = ['names'], captured = 65535) {
  const path = join(folder, `${captures++}.pcap`);
  const records = frames.map(
    (data, seconds): Recorded => ({ data: data.subarray(0, captured), seconds, original: data.length }),
  );
  writeFileSync(path, pcap(records));
  return { path, ...(await loadTrace([path], labels, { columns, duplicates: 'keep' })) };
}

/** The names of the flows to `remote`, in the order of their first packets. */
function namesOf({ flows }: Trace, remote = CLOUD): (string | undefined)[] {
  const rows = Array.from({ length: flows.count }, (_, row) => row);
  return rows
    .filter((row) => flows.addresses[flows.remoteAddress[row]!] === remote)
    .map((row) => flows.names?.[flows.name![row]!]);
}

describe('the name of a flow', () => {
  test('is the server name of its ClientHello, in lower case', async () => {
    const { trace } = await load([syn(CLOUD), out(CLOUD, 6, tcp(50000, 443, clientHello('API.Example.com')))]);
    expect(namesOf(trace)).toEqual(['api.example.com']);
  });

  test.each([
    ['cloud.example:8080', 'cloud.example'],
    ['Cloud.Example.', 'cloud.example'],
    // An address says nothing that the flow does not.
    ['93.184.216.34', ''],
    ['[2001:db8::1]:80', ''],
    ['bell\u0007.example', ''],
  ])('is the Host of its HTTP request, without a port: %j', async (host, name) => {
    const { trace } = await load([out(CLOUD, 6, tcp(50000, 80, httpRequest(host)))]);
    expect(namesOf(trace)).toEqual([name]);
  });

  test('is the name that was asked for, at the end of a chain of aliases and in IPv6 too', async () => {
    const address6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
    const chain = dnsAnswer('hub.example.com', [
      ['hub.example.com', 'edge.cdn.example'],
      ['edge.cdn.example', bytesOf(CLOUD)],
      ['edge.cdn.example', address6],
    ]);
    const { trace } = await load([
      back(ROUTER_IP, 17, udp(53, 40000, chain)),
      syn(CLOUD),
      ethernet(0x86dd, ipv6(6, tcp(50000, 443))),
    ]);
    expect(namesOf(trace)).toEqual(['hub.example.com']);
    expect(namesOf(trace, '2001:db8::3')).toEqual(['hub.example.com']);
    // The answer names nobody's resolver.
    expect(namesOf(trace, ROUTER_IP)).toEqual(['']);
  });

  test('comes from the last answer before its first packet', async () => {
    const { trace } = await load([
      syn(CLOUD, 50000),
      answer('old.example', CLOUD),
      syn(CLOUD, 50001),
      answer('new.example', CLOUD),
      answer('elsewhere.example', OTHER),
      syn(CLOUD, 50002),
      syn(CLOUD, 50000),
    ]);
    expect(namesOf(trace)).toEqual(['', 'old.example', 'new.example']);
  });

  test("comes from the device's own answer before a later one to another, which is better than none", async () => {
    const toCamera = dnsAnswer('camera.example', [['camera.example', bytesOf(CLOUD)]]);
    const other = dnsAnswer('other.example', [['other.example', bytesOf(OTHER)]]);
    const { trace } = await load([
      answer('plug.example', CLOUD),
      back(ROUTER_IP, 17, udp(53, 40000, toCamera), CAMERA, CAMERA_IP),
      back(ROUTER_IP, 17, udp(53, 40000, other), CAMERA, CAMERA_IP),
      syn(CLOUD),
      syn(OTHER),
    ]);
    expect(namesOf(trace)).toEqual(['plug.example']);
    expect(namesOf(trace, OTHER)).toEqual(['other.example']);
  });

  test('is what its own packets say, whatever DNS said', async () => {
    const { trace } = await load([
      answer('dns.example', CLOUD),
      syn(CLOUD),
      out(CLOUD, 6, tcp(50000, 443, clientHello('tls.example'))),
      out(CLOUD, 6, tcp(50000, 443, clientHello('later.example'))),
    ]);
    expect(namesOf(trace)).toEqual(['tls.example']);
  });

  test('is not the name by which the other end calls the device', async () => {
    const { trace } = await load([back(CLOUD, 6, tcp(50000, 443, clientHello('plug.example')))]);
    expect(namesOf(trace)).toEqual(['']);
  });

  test('is not taken from questions, errors or multicast DNS', async () => {
    const message = dnsAnswer('x.example', [['x.example', bytesOf(CLOUD)]]);
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(message);
      copy[at] = value;
      return copy;
    };
    const { trace } = await load([
      back(ROUTER_IP, 17, udp(53, 40000, changed(2, 0x01))),
      back(ROUTER_IP, 17, udp(53, 40000, changed(3, 0x83))),
      back(ROUTER_IP, 17, udp(5353, 5353, message)),
      syn(CLOUD),
    ]);
    expect(namesOf(trace)).toEqual(['']);
  });

  test('is whole, or none where the capture or the segment ends within it', async () => {
    const hello = clientHello('a-long-name.example.com');
    const frame = out(CLOUD, 6, tcp(50000, 443, hello));
    const full = await load([frame], ['names'], frame.length - 7);
    expect(namesOf(full.trace)).toEqual(['a-long-name.example.com']);
    await fc.assert(
      fc.asyncProperty(fc.nat(hello.length), fc.boolean(), async (length, inSegment) => {
        const segment = out(CLOUD, 6, tcp(50000, 443, inSegment ? hello.subarray(0, length) : hello));
        const { trace } = await load([segment], ['names'], inSegment ? undefined : 54 + length);
        expect(['', 'a-long-name.example.com']).toContain(namesOf(trace)[0]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('names in a trace', () => {
  const frames = [syn(OTHER), answer('dns.example', CLOUD), syn(CLOUD)];

  test('are absent unless asked for, and then change no hash', async () => {
    const { trace: without } = await load(frames, []);
    const { trace } = await load(frames);
    expect([without.flows.name, without.flows.names]).toEqual([undefined, undefined]);
    const { name, names, ...flows } = trace.flows;
    expect(names).toEqual(['', 'dns.example']);
    expect(hashTrace({ ...trace, flows })).toBe(hashTrace(without));
    expect(hashTrace(trace)).not.toBe(hashTrace(without));
    const renamed = { ...trace, flows: { ...trace.flows, names: ['', 'x.example'] } };
    expect(hashTrace(renamed)).not.toBe(hashTrace(trace));
  });

  test('stay with their flows when packets are taken out or shared, and when there are several files', async () => {
    const { path, trace } = await load(frames);
    expect(namesOf(filterPackets(trace, (row) => row > 0))).toEqual(['dns.example']);
    expect(namesOf(shareTrace(trace))).toEqual(['dns.example']);
    expect(shareTrace(trace).flows.name!.buffer).toBeInstanceOf(SharedArrayBuffer);
    const second = join(folder, 'second.pcap');
    writeFileSync(second, pcap([{ data: syn(CLOUD, 50009), seconds: 0 }]));
    const both = await loadTrace([second, path], labels, { columns: ['names'] });
    expect(namesOf(both.trace)).toEqual(['', 'dns.example']);
  });

  test('an unknown column is told in one line', async () => {
    const loading = load(frames, ['colour' as ColumnName]);
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(/^columns: expected some of names.*, found colour$/);
  });
});

needs(noProgram('tshark')).test('names and addresses are those that tshark reads', async () => {
  const chain = dnsAnswer('hub.example.com', [
    ['hub.example.com', 'edge.cdn.example'],
    ['edge.cdn.example', bytesOf(OTHER)],
  ]);
  const { path, trace } = await load([
    out(CLOUD, 6, tcp(50000, 443, clientHello('tls.example'))),
    out(CLOUD, 6, tcp(50001, 80, httpRequest('http.example'))),
    back(ROUTER_IP, 17, udp(53, 40000, chain)),
    syn(OTHER, 50002),
  ]);
  const fields = ['tls.handshake.extensions_server_name', 'http.host', 'dns.qry.name', 'dns.a'];
  const { stdout } = spawnSync(
    'tshark',
    ['-n', '-r', path, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
    {
      encoding: 'utf8',
    },
  );
  expect(stdout.split('\n').map((line) => line.split('\t'))).toEqual([
    ['tls.example', '', '', ''],
    ['', 'http.example', '', ''],
    ['', '', 'hub.example.com', OTHER],
    ['', '', '', ''],
    [''],
  ]);
  expect(namesOf(trace)).toEqual(['tls.example', 'http.example']);
  expect(namesOf(trace, OTHER)).toEqual(['hub.example.com']);
});
