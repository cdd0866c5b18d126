/** The work that a signal ends instead of the process, if there is any. */
let running: { readonly controller: AbortController; readonly options: InterruptOptions } | null = null;

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
export type EndSignal = keyof typeof EXIT_CODES;
export const END_SIGNALS = Object.keys(EXIT_CODES) as EndSignal[];

export interface InterruptOptions {
  /** Which signals abort the work; any other ends the process. */
  readonly on?: readonly EndSignal[];
  /** Milliseconds after which the process ends all the same. */
  readonly patience?: number;
  /** The text for the user at once: that the signal was heard, and how to go on. */
  readonly heard?: string;
}

/** Is told what a signal would abort from now on, null for nothing; set where another thread takes the signals (supervise.ts). */
let onRunning: (options: InterruptOptions | null) => void = () => {};

/**
 * Ends the process on SIGINT and SIGTERM by way of its 'exit' handlers, which remove unfinished files; by default a signal skips
 * them.
 */
export function handleSignals(): void {
  for (const name of END_SIGNALS) process.on(name, () => obey(name));
}

/** The same in a thread whose signals come from another. */
export function handleSignalsFrom(
  subscribe: (listener: (name: EndSignal) => void) => void,
  announce: typeof onRunning,
): void {
  onRunning = announce;
  subscribe(obey);
}

function obey(name: EndSignal): void {
  const code = EXIT_CODES[name];
  const { controller, options: { on = ['SIGINT'], patience } = {} } = running ?? {};
  if (!controller || controller.signal.aborted || !on.includes(name)) process.exit(code);
  controller.abort(new Interrupted(code));
  if (patience !== undefined) setTimeout(() => process.exit(code), patience).unref();
}

/** Runs `work` with a signal that the first Ctrl-C aborts; a second one ends the process. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: InterruptOptions = {},
): Promise<T> {
  const controller = new AbortController();
  running = { controller, options };
  onRunning(options);
  try {
    return await work(controller.signal);
  } finally {
    running = null;
    onRunning(null);
  }
}

/** The reason of an aborted signal. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.exitCode = exitCode;
  }
}
