import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = 'hv-';

/** Gives a test run one folder for its temporary files, its child processes' included, and removes it at the end. */
export default function setup(): () => void {
  // Vitest calls this for each project: the first one's folder serves all.
  if (basename(tmpdir()).startsWith(PREFIX)) return () => {};
  // Short, since a Unix socket has room for about a hundred characters.
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // As open as /tmp: a browser that root starts runs as another user.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
