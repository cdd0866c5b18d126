/** Progress of a long task. The library only reports it; the CLI prints it. */
export interface Progress {
  /** The task in a few words: 'reading', 'fit random-forest'. A new task starts a new rate. */
  readonly task: string;
  /** The current step of the task, if it has steps. */
  readonly detail?: string;
  /** Units done so far, and in all where that is known. */
  readonly done: number;
  readonly total?: number;
  /** The unit that is counted: 'packets', 'bytes', 'trees', 'cells'. */
  readonly unit: string;
  /** Other figures worth showing, by name: { epoch: 3, loss: 0.41 }. */
  readonly figures?: Readonly<Record<string, number>>;
}

export type OnProgress = (progress: Progress) => void;
