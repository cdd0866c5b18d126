import { InputError, UsageError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import { streamBytes } from '../../trace/read/bytes.js';
import type { PacketSink } from '../../trace/read/capture.js';
import { createDissector } from '../../trace/read/dissect.js';
import { readPcap } from '../../trace/read/pcap.js';
import { type CaptureFiles, createCaptureFiles, type FilesOptions, type WrittenFile } from './files.js';
import { HEADERS_SNAPLEN, headersEnd } from './headers.js';
import type { EngineName } from './rights.js';
import { type CaptureSource, openCapture, type SourceOptions } from './source.js';

export interface CaptureRequest extends Omit<SourceOptions, 'snaplen'> {
  /** Keep what packets carry, not only their headers. */
  readonly full?: boolean;
  /** Files to write; without it packets are only counted. */
  readonly files?: FilesOptions;
  /** Packets or seconds after which the capture ends; by default it ends when `signal` is aborted. */
  readonly packets?: number;
  readonly seconds?: number;
}

export interface CaptureResult {
  readonly interface: string;
  readonly engine: EngineName;
  /** Name of the link type; null where nothing was captured. */
  readonly link: string | null;
  /** Part of each packet that was kept. */
  readonly kept: 'headers' | 'all';
  readonly packets: number;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** Times of the first and last packet, in seconds since the Unix epoch; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** Duration of the capture in seconds. */
  readonly seconds: number;
  /** Packets lost, as the engine counts them; null where it does not count them. */
  readonly lost: { readonly kernel: number | null; readonly interface: number | null };
  readonly files: readonly WrittenFile[];
}

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 1000;
/** Longest capture in seconds; longer timers would fire at once. */
const LONGEST = 2e6;

/**
 * Captures until `signal` is aborted, the time is over, or enough packets have arrived. It keeps the headers of each packet and its
 * length on the wire. It discards the payload at once, unless `full` is set.
 * @throws as {@link openCapture}; InputError where files cannot be written, or the capture ends by itself (earlier packets are in the
 * files)
 */
export async function capture(
  request: CaptureRequest,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<CaptureResult> {
  const { full = false, seconds } = request;
  if (seconds !== undefined && seconds > LONGEST) {
    throw new UsageError(`expected a capture of at most ${LONGEST} s, found ${seconds}; it may end by Ctrl-C, too`);
  }
  const source = await openCapture({ ...request, snaplen: full ? 0 : HEADERS_SNAPLEN });
  const tally: Tally = { link: null, packets: 0, bytes: 0, from: null, to: null, until: Number.POSITIVE_INFINITY };
  let files: CaptureFiles | null = null;
  let written: WrittenFile[] = [];
  const timers: NodeJS.Timeout[] = [];
  const started = Date.now() / 1000;
  /** Ends the capture at `time`, and stops the engine once the packets of before have arrived from it. */
  const finishAt = (time: number): void => {
    tally.until = Math.min(tally.until, time);
    timers.push(setTimeout(source.stop, source.latency * 1000));
  };
  const onAbort = () => finishAt(Date.now() / 1000);
  try {
    // The files are opened only now, so that a capture that cannot start replaces no earlier file.
    files = request.files === undefined ? null : createCaptureFiles(request.files);
    if (seconds !== undefined) timers.push(setTimeout(() => finishAt(started + seconds), seconds * 1000));
    timers.push(reportEvery(REPORT_EVERY, source, tally, seconds, onProgress));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const bytes = streamBytes(source.stream, () => files?.flush());
    if (await bytes.need(24)) await readPcap(bytes, createSink(tally, request, files, source.stop));
  } catch (error) {
    source.stop();
    // The engine ends only once the pipe is empty.
    source.stream.resume();
    throw error;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    written = files?.close() ?? [];
  }
  const why = await source.ended;
  if (why !== '') {
    const left = written.map((file) => `; what came before is in ${file.path}`).at(-1) ?? '';
    throw new InputError(`${request.interface}: ${source.engine} ended early: ${why}${left}`);
  }
  return {
    interface: request.interface,
    engine: source.engine,
    link: tally.link,
    kept: full ? 'all' : 'headers',
    packets: tally.packets,
    bytes: tally.bytes,
    from: tally.from,
    to: tally.to,
    seconds: Math.max(0, Math.min(Date.now() / 1000, tally.until) - started),
    lost: { kernel: source.counters.droppedByKernel, interface: source.counters.droppedByInterface },
    files: written,
  };
}

/** Progress of the capture. */
interface Tally {
  link: string | null;
  packets: number;
  bytes: number;
  from: number | null;
  to: number | null;
  /** Time after which packets are not taken any more. */
  until: number;
}

/** Counts packets, cuts them after their headers unless `full` is set, and passes them on. */
function createSink(
  tally: Tally,
  { interface: name, full = false, packets: wanted = Number.POSITIVE_INFINITY }: CaptureRequest,
  files: CaptureFiles | null,
  stop: () => void,
): PacketSink {
  const dissector = createDissector();
  return {
    link(link, checkSequence) {
      if (!full && link.read === null) {
        throw new InputError(`${name}: expected a link type whose headers are known, found ${link.name}; use --full`);
      }
      dissector.setLink(link, checkSequence);
      tally.link = link.name;
      files?.link(link, checkSequence);
    },
    packet(view, at, captured, original, time) {
      if (tally.packets >= wanted || time > tally.until) return;
      tally.packets++;
      tally.bytes += original;
      tally.from ??= time;
      tally.to = time;
      if (files !== null) {
        const end = full
          ? at + captured
          : headersEnd(dissector.frame, dissector.read(view, at, captured, original, time));
        files.packet(view, at, end - at, original, time);
      }
      if (tally.packets === wanted) stop();
    },
    // A classic capture through a pipe drops no packets. It ends within a packet only where the engine is killed.
    drop() {},
    problem() {},
  };
}

/** Reports the rates since the last report, and the losses so far. */
function reportEvery(
  milliseconds: number,
  source: CaptureSource,
  tally: Tally,
  seconds: number | undefined,
  onProgress: OnProgress,
): NodeJS.Timeout {
  const started = performance.now();
  let before = { time: started, packets: 0, bytes: 0 };
  const report = (): void => {
    const now = { time: performance.now(), packets: tally.packets, bytes: tally.bytes };
    const past = (now.time - before.time) / 1000;
    const { droppedByKernel: kernel, droppedByInterface: card } = source.counters;
    const left = seconds === undefined ? undefined : Math.max(0, seconds - (now.time - started) / 1000);
    onProgress({
      task: `capturing with ${source.engine}`,
      done: tally.packets,
      unit: 'packets',
      figures: {
        'packets/s': Math.round((now.packets - before.packets) / past),
        'kB/s': Math.round((now.bytes - before.bytes) / past / 1000),
        ...(kernel === null && card === null ? {} : { lost: (kernel ?? 0) + (card ?? 0) }),
      },
      ...(left === undefined ? {} : { detail: `${Math.ceil(left)} s left` }),
    });
    before = now;
    source.askCounters();
  };
  return setInterval(report, milliseconds);
}
