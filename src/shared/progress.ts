/** What a long task tells whoever started it. The library only reports; printing is the CLI's business. */
export interface Progress {
  /** What is being done, in a few words: 'reading', 'fit random-forest'. A new task starts a new rate. */
  readonly task: string;
  /** The step of the task that is under way, where it has steps. */
  readonly detail?: string;
  /** Units done so far, and in all where that is known. */
  readonly done: number;
  readonly total?: number;
  /** What is counted: 'packets', 'bytes', 'trees', 'cells'. */
  readonly unit: string;
  /** What else is worth showing, by name: { epoch: 3, loss: 0.41 }. */
  readonly figures?: Readonly<Record<string, number>>;
}

export type OnProgress = (progress: Progress) => void;
