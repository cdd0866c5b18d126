import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FileReport, PacketTable } from '../../trace/packets.js';
import { streamBytes } from '../../trace/read/bytes.js';
import type { Duplicates } from '../../trace/read/duplicates.js';
import { createIngest } from '../../trace/read/ingest.js';
import { readPcap } from '../../trace/read/pcap.js';
import type { CaptureSource } from './source.js';

/** Packets as they come, read as those of a file are. */
export interface LivePackets {
  /**
   * The packets of each moment, at least one, as a table of their own. Ends when the capture does. Who takes them late makes the
   * engine wait, and the kernel's buffer fill.
   */
  readonly batches: AsyncIterable<PacketTable>;
  /** Packets that could not be used, by reason, so far. */
  readonly dropped: Readonly<Record<string, number>>;
  /**
   * Conversations that were forgotten so far, the longest silent ones. One that goes on is another one, and its application is told
   * by its ports until it shows itself.
   */
  readonly forgotten: number;
}

/** Rows to begin with; there is room for more when they come. */
const ROWS = 1024;
/** Conversations that are remembered, some 75 bytes each. */
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
      // Here again when the reader has told of every whole packet so far and asks for more.
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
