/** Messages of TLS, HTTP and DNS in which names of hosts are. */

const u8 = (value: number) => Buffer.from([value]);
const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const text = (value: string) => Buffer.from(value, 'latin1');

/** The record of a ClientHello (RFC 8446, section 4.1.2) with one extension in front of the server name. */
export function clientHello(name: string): Buffer {
  const extension = (type: number, data: Buffer) => Buffer.concat([u16(type), u16(data.length), data]);
  const host = Buffer.concat([u8(0), u16(name.length), text(name)]);
  const extensions = Buffer.concat([
    extension(43, Buffer.from([2, 3, 4])),
    extension(0, Buffer.concat([u16(host.length), host])),
    extension(16, Buffer.concat([u16(3), u8(2), text('h2')])),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    u8(4),
    Buffer.alloc(4, 9),
    u16(2),
    Buffer.from([0x13, 0x01]),
    Buffer.from([1, 0]),
    u16(extensions.length),
    extensions,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(message.length), message]);
}

/** A record that DNS gives a name: another name (CNAME), or an address as its bytes. */
export type DnsRecord = readonly [name: string, value: string | readonly number[]];

/** An answer to the question for the addresses of `asked` (RFC 1035, section 4.1), whose name the records point to where they can. */
export function dnsAnswer(asked: string, records: readonly DnsRecord[]): Buffer {
  const labels = (name: string) =>
    Buffer.concat([...name.split('.').flatMap((label) => [u8(label.length), text(label)]), u8(0)]);
  const answers = records.map(([name, value]) => {
    const data = typeof value === 'string' ? labels(value) : Buffer.from(value);
    const type = typeof value === 'string' ? 5 : value.length === 4 ? 1 : 28;
    const owner = name === asked ? u16(0xc00c) : labels(name);
    return Buffer.concat([owner, u16(type), u16(1), Buffer.alloc(4), u16(data.length), data]);
  });
  const counts = [u16(1), u16(records.length), u16(0), u16(0)];
  return Buffer.concat([u16(0x1234), u16(0x8180), ...counts, labels(asked), u16(1), u16(1), ...answers]);
}

export const httpRequest = (host: string): Buffer =>
  text(`GET /status HTTP/1.1\r\nUser-Agent: plug\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`);
