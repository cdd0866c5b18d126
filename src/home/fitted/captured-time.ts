import type { Gap, Trace } from '../../trace/trace.js';

/** Seconds that the files of `trace` cover, without the pauses between them. */
export function capturedSeconds(trace: Trace): number {
  return createCapturedClock(spansOf(trace)).seconds;
}

interface FileSpan {
  readonly from: number;
  readonly to: number;
  readonly devices: ReadonlySet<number>;
}

/** The time spans of the files, without the gaps within them. */
export function spansOf({ packets, time, file, files, device, gaps = [] }: Trace): FileSpan[] {
  const spans = files.map(() => ({
    from: Number.POSITIVE_INFINITY,
    to: Number.NEGATIVE_INFINITY,
    devices: new Set<number>(),
  }));
  for (let i = 0; i < packets; i++) {
    const span = spans[file[i]!]!;
    span.from = Math.min(span.from, time[i]!);
    span.to = Math.max(span.to, time[i]!);
    span.devices.add(device[i]!);
  }
  return spans
    .filter(({ from, to }) => from <= to)
    .flatMap((span) => withoutGaps(span, gaps))
    .sort((a, b) => a.from - b.from);
}

function withoutGaps(span: FileSpan, gaps: readonly Gap[]): FileSpan[] {
  const parts: FileSpan[] = [];
  let { from } = span;
  for (const gap of gaps) {
    if (gap.from < from || gap.to > span.to) continue;
    parts.push({ ...span, from, to: gap.from });
    from = gap.to;
  }
  return [...parts, { ...span, from }];
}

/** Captured time: it skips the pauses between files and the gaps within one, of which nothing is known. */
interface Clock {
  /** Seconds captured in total. */
  readonly seconds: number;
  /** Seconds captured before `time`, which lies inside one of the files. */
  at(time: number): number;
}

export function createCapturedClock(files: readonly FileSpan[]): Clock {
  // The stretches of time that files cover, with the seconds captured before each.
  const stretches: { from: number; to: number; before: number }[] = [];
  for (const { from, to } of files) {
    const last = stretches.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else stretches.push({ from, to, before: last ? last.before + last.to - last.from : 0 });
  }
  const end = stretches.at(-1);
  let now = 0;
  return {
    seconds: end ? Math.max(end.before + end.to - end.from, 1e-6) : 1e-6,
    at(time) {
      while (now > 0 && time < stretches[now]!.from) now--;
      while (now + 1 < stretches.length && time >= stretches[now + 1]!.from) now++;
      return stretches[now]!.before + time - stretches[now]!.from;
    },
  };
}
