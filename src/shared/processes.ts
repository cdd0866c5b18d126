import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { sha256 } from './hash.js';

/**
 * Names a process so that another one can tell later whether it still runs: its number and, where the system says it, when it began,
 * since numbers are used again.
 */
export interface ProcessName {
  readonly pid: number;
  /** In clock ticks since boot; an empty string where the system does not tell. */
  readonly start: string;
}

let own: ProcessName | undefined;

export function ownName(): ProcessName {
  own ??= { pid: process.pid, start: startOf(process.pid) };
  return own;
}

export function isAlive({ pid, start }: ProcessName): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return start === '' || start === startOf(pid);
}

function startOf(pid: number): string {
  try {
    // proc(5): field 22, counted after the name in parentheses, which may hold spaces.
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    );
  } catch {
    return '';
  }
}

let machine: string | undefined;

/**
 * Eight hexadecimal digits for where process numbers mean the same: this machine since it was booted, or this container. A folder may
 * be shared by several.
 */
export function ownMachine(): string {
  const read = (get: () => string) => {
    try {
      return get();
    } catch {
      return '';
    }
  };
  machine ??= sha256(
    [
      hostname(),
      read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
      read(() => readlinkSync('/proc/self/ns/pid')),
    ].join('\n'),
  ).slice(0, 8);
  return machine;
}
