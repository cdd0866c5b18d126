/** What readers of captures add to a trace where it is asked for. */

import { UsageError } from '../shared/errors.js';

/** All that can be asked for; `names` are those of the remote ends of flows. */
export const COLUMN_NAMES = ['names'] as const;
export type ColumnName = (typeof COLUMN_NAMES)[number];

/** @throws UsageError for a name that is none of {@link COLUMN_NAMES} */
export function checkColumns(columns: readonly string[]): void {
  const unknown = columns.find((name) => !COLUMN_NAMES.some((known) => known === name));
  if (unknown === undefined) return;
  throw new UsageError(`columns: expected some of ${COLUMN_NAMES.join(', ')}, found ${unknown}`);
}
