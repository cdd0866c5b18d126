import { decode } from 'dns-packet';
import { expect, test } from 'vitest';
import { payloadOf } from '../../src/lab/payload.js';
import type { Part, Speech } from '../../src/lab/script.js';
import { Direction } from '../../src/trace/trace.js';
import { ethernet, ipv4, pcap, readBytes, rowOf, tcp, temporaryFolder, udp } from '../support/fixtures.js';

const folder = temporaryFolder();
const { OUTBOUND, INBOUND } = Direction;

const part = (speech: Speech): Part => ({
  ...{ device: 0, timestamps: true, speech, address: '198.51.100.7', port: 443, localPort: 2048 },
  ...{ name: 'lamp.example', servers: 1, greeting: 0, opened: 0, closed: 1, messages: [] },
});
const overTcp = ['record', 'http', 'plain'];

/** Protocols that the reader of captures finds in a message, at ports that say nothing. */
async function recognised(speech: Speech, direction: Direction, bytes: number): Promise<string | undefined> {
  const payload = payloadOf(part(speech), direction, bytes, 0);
  const [protocol, segment] = overTcp.includes(speech)
    ? [6, tcp(40_000, 40_001, payload)]
    : [17, udp(40_000, 40_001, payload)];
  const data = ethernet(0x0800, ipv4(protocol, segment));
  const { table } = await readBytes(`${folder}/one.pcap`, pcap([{ data }]));
  return rowOf(table, 0).protocols;
}

test.each<[Speech, string]>([
  ['record', 'IP TCP TLS'],
  ['http', 'IP TCP HTTP'],
  ['plain', 'IP TCP'],
  ['datagram', 'IP UDP'],
  ['dns-like', 'IP UDP DNS'],
])('%s is recognised as %s, in both directions', async (speech, protocols) => {
  for (const direction of [OUTBOUND, INBOUND]) {
    for (const bytes of [40, 517, 1400]) expect(await recognised(speech, direction, bytes)).toBe(protocols);
  }
});

test.each<Speech>(['record', 'http', 'plain', 'datagram', 'dns-like'])('%s is as long as asked for', (speech) => {
  for (const bytes of [1, 4, 5, 16, 17, 1000, 16_389, 16_390, 40_000]) {
    expect(payloadOf(part(speech), OUTBOUND, bytes, 70_000)).toHaveLength(bytes);
  }
});

test('records are those of TLS 1.2, none longer than 2^14 bytes', () => {
  // RFC 5246, section 6.2.1: type 23, version 3.3, length.
  const bytes = payloadOf(part('record'), OUTBOUND, 5 + 16_384 + 5 + 6, 0);
  expect(bytes.subarray(0, 5).toString('hex')).toBe('1703034000');
  expect(bytes.subarray(16_389, 16_394).toString('hex')).toBe('1703030006');
});

test('a look-up asks for the name of its host', async () => {
  const message = decode(payloadOf(part('dns'), OUTBOUND, 0, 0));
  expect(message.questions).toEqual([expect.objectContaining({ name: 'lamp.example', type: 'A' })]);
  expect(await recognised('dns', OUTBOUND, 0)).toBe('IP UDP DNS');
});
