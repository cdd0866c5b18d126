import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FileReport, PacketTable } from '../../trace/packets.js';
import { streamBytes } from '../../trace/read/bytes.js';
import type { Duplicates } from '../../trace/read/duplicates.js';
import { createIngest } from '../../trace/read/ingest.js';
import { readPcap } from '../../trace/read/pcap.js';
import type { CaptureSource } from './source.js';

/** Packets of a running capture, read like those of a file. */
export interface LivePackets {
  /**
   * Tables with the packets of each moment, at least one packet each. Ends when the capture does. A slow consumer makes the engine wait,
   * so that the kernel's buffer fills.
   */
  readonly batches: AsyncIterable<PacketTable>;
  /** Packets so far that could not be used, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /**
   * Conversations forgotten so far, the longest silent ones. A forgotten conversation that goes on counts as a new one, and its
   * application is inferred from its ports until a packet shows it.
   */
  readonly forgotten: number;
}

/** Initial rows of a table, which grows. */
const ROWS = 1024;
/** Conversations remembered, about 75 bytes each. */
const MOST_CONVERSATIONS = 100_000;

export function readLive(
  { stream }: Pick<CaptureSource, 'stream'>,
  mostConversations = MOST_CONVERSATIONS,
  duplicates: Duplicates = 'drop',
): LivePackets {
  const report: FileReport = {
    path: 'live',
    format: 'pcap',
    bytes: 0,
    read: 0,
    kept: 0,
    dropped: {},
    backward: 0,
    setBack: null,
    links: {},
    from: null,
    to: null,
    problems: [],
  };
  const ingest = createIngest(ROWS, duplicates, mostConversations);
  ingest.begin(report);

  const batches = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const left = new AbortController();
  batches.once('close', () => left.abort());
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      yield chunk;
      // The reader asks for more only once it has passed on every whole packet so far.
      const table = ingest.take();
      if (table.packets > 0 && !batches.write(table)) await once(batches, 'drain', { signal: left.signal });
    }
  }
  readPcap(streamBytes(chunks()), ingest).then(
    () => batches.destroyed || batches.end(),
    (error: Error) => batches.destroy(error),
  );
  return {
    batches,
    dropped: report.dropped,
    get forgotten() {
      return ingest.forgotten;
    },
  };
}
