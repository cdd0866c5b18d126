import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { decode, encode, type Packet, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';

export interface ResolverOptions {
  readonly address: string;
  /** UDP port; 0 for a free one. */
  readonly port: number;
  /** Finds the IPv4 addresses of a name, given in lower case without a final dot; none where there is no such name. */
  readonly lookup: (name: string) => readonly string[];
}

export interface Resolver {
  readonly port: number;
  close(): Promise<void>;
}

/** Seconds that an answer may be kept; our choice, since clients of the lab keep none. */
const TTL = 60;
const NO_SUCH_NAME = 3;
/** Bytes that a client accepts unless it says otherwise (RFC 1035, section 4.2.1). */
const PLAIN_BYTES = 512;
/** Bytes of an answer that fits any path (DNS flag day 2020). */
const MOST_BYTES = 1232;
const HEADER_BYTES = 12;
const ROOT_BYTES = 1;
/** Pointer to the name of the question (RFC 1035, section 4.1.4). */
const QUESTION = Buffer.from([0xc0, HEADER_BYTES]);

/**
 * Opens a DNS server over UDP, as a home's resolver. It knows only IPv4 addresses: any other question about a known name gets an empty
 * answer.
 * @throws Error of the system where it cannot bind the address and port
 */
export async function openResolver({ address, port, lookup }: ResolverOptions): Promise<Resolver> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (message, { address: client, port: from }) => {
    const response = respond(message, lookup);
    // The client may have gone away.
    if (response) socket.send(response, from, client, () => {});
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Answers a query; null for a message that is not one. */
function respond(message: Buffer, lookup: ResolverOptions['lookup']): Buffer | null {
  let query: Packet;
  try {
    query = decode(message);
  } catch {
    return null;
  }
  const [question, ...others] = query.questions ?? [];
  if (query.type !== 'query' || !question || others.length > 0) return null;
  const addresses = lookup(question.name.toLowerCase().replace(/\.$/, ''));
  const extended = query.additionals?.find((record) => record.type === 'OPT');
  const options = extended
    ? encode({ additionals: [{ ...extended, udpPayloadSize: MOST_BYTES, options: [] }] }).subarray(HEADER_BYTES)
    : Buffer.alloc(0);
  const most = extended ? Math.min(MOST_BYTES, Math.max(PLAIN_BYTES, extended.udpPayloadSize)) : PLAIN_BYTES;
  const rcode = addresses.length === 0 ? NO_SUCH_NAME : 0;
  const flags = ((query.flags ?? 0) & RECURSION_DESIRED) | RECURSION_AVAILABLE | rcode;
  const head = encode({ type: 'response', id: query.id, flags, questions: [question] });
  const records = question.type === 'A' ? addresses.map(pointBack) : [];
  const room = most - head.length - options.length;
  while (records.length > 0 && records.length * records[0]!.length > room) records.pop();
  if (question.type === 'A' && records.length < addresses.length)
    head.writeUInt16BE(head.readUInt16BE(2) | TRUNCATED_RESPONSE, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt16BE(extended ? 1 : 0, 10);
  return Buffer.concat([head, ...records, options]);
}

/**
 * Encodes an address of the name asked for in 16 bytes, with a pointer to the name, as servers do. dns-packet would write out the name
 * again.
 */
function pointBack(data: string): Buffer {
  const record = encode({ answers: [{ type: 'A', name: '.', ttl: TTL, data }] });
  return Buffer.concat([QUESTION, record.subarray(HEADER_BYTES + ROOT_BYTES)]);
}
