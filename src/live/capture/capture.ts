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
  /** Where packets go; without it they are only counted. */
  readonly files?: FilesOptions;
  /** Of packets to take, and of seconds; without, until `signal` is aborted. */
  readonly packets?: number;
  readonly seconds?: number;
}

export interface CaptureResult {
  readonly interface: string;
  readonly engine: EngineName;
  /** Name of the link type; null where nothing was captured. */
  readonly link: string | null;
  /** What was kept of each packet. */
  readonly kept: 'headers' | 'all';
  readonly packets: number;
  /** On the wire. */
  readonly bytes: number;
  /** Times of the first and last packet, in seconds since the Unix epoch; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** Of the capture, in seconds. */
  readonly seconds: number;
  /** Packets lost, as the engine counts them; null where it does not. */
  readonly lost: { readonly kernel: number | null; readonly interface: number | null };
  readonly files: readonly WrittenFile[];
}

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 1000;
/** Seconds; beyond, timers fire at once. */
const LONGEST = 2e6;

/**
 * Captures until `signal` is aborted, the time is over or there are packets enough. Of each packet the headers are kept, and its
 * length on the wire; what it carries is forgotten at once, unless `full` is asked for.
 * @throws what {@link openCapture} does; InputError where files cannot be written, or the capture ends by itself (what came before is
 * in the files)
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
  /** What is on the wire by then is still on its way to us. */
  const finishAt = (time: number): void => {
    tally.until = Math.min(tally.until, time);
    timers.push(setTimeout(source.stop, source.latency * 1000));
  };
  const onAbort = () => finishAt(Date.now() / 1000);
  try {
    // Not before it is clear that there is something to put in the place of what bears the name.
    files = request.files === undefined ? null : createCaptureFiles(request.files);
    if (seconds !== undefined) timers.push(setTimeout(() => finishAt(started + seconds), seconds * 1000));
    timers.push(reportEvery(REPORT_EVERY, source, tally, seconds, onProgress));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const bytes = streamBytes(source.stream, () => files?.flush());
    if (await bytes.need(24)) await readPcap(bytes, createSink(tally, request, files, source.stop));
  } catch (error) {
    source.stop();
    // What is left in the pipe would keep the engine from ending.
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

/** What was captured so far. */
interface Tally {
  link: string | null;
  packets: number;
  bytes: number;
  from: number | null;
  to: number | null;
  /** Packets of later times are no longer wanted. */
  until: number;
}

/** Counts packets, cuts them after their headers, and passes them on. */
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
    // A classic capture through a pipe has nothing that is dropped, and ends within a packet only where the engine is killed.
    drop() {},
    problem() {},
  };
}

/** Tells what came in the last moment, and what was lost so far. */
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
