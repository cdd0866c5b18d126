import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, UsageError } from '../shared/errors.js';

/** Instructions for browser-box.js. */
export interface BoxOrder {
  readonly executable: string;
  /** Folder for the browser's profile, in place of the one among its arguments. */
  readonly profile: string;
  /** User that the browser runs as; null for the user who starts it. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly environment: NodeJS.ProcessEnv;
  /** Port of loopback that leads to the gateway's socket; null where the browser has this machine's network. */
  readonly relay: { readonly port: number; readonly socket: string } | null;
}

/** Means to keep a browser's packets from bypassing the gateway: a network namespace with nothing else in it, or its own flags. */
export type IsolationKind = 'namespace' | 'flags';

interface IsolationOptions {
  /** Path of the browser. */
  readonly executable: string;
  /** User that the browser runs as where this process is root's; empty for root. */
  readonly user: string;
  readonly sandbox: boolean;
}

/** How to start a browser, and where it finds the gateway. */
interface Isolation {
  readonly kind: IsolationKind;
  /** User that it runs as; null for the user of this process. */
  readonly user: string | null;
  /** Path to start in place of the browser, with its arguments. */
  readonly executable: string;
  /** Unix socket for the gateway to listen on; null for a port of loopback. */
  readonly socket: string | null;
  /** The gateway's port as the browser sees it, where the gateway listens on the socket. */
  readonly port: number;
  /** Removes its files. */
  close(): void;
}

/** Prefix of the box's message about a browser that could not be started. */
export const BOX = 'browser-box:';

/** Port of the relay. In a new namespace every port is free. */
const PORT = 3128;

/**
 * Sets up a virtual cable with both ends in the namespace, with a documentation address (RFC 5737) and no route, so that
 * `navigator.onLine` is true. Where the kernel has no such cables, pages see that the browser is offline.
 */
const ONLINE = [
  'ip link add online type veth peer name nowhere',
  'ip address add 192.0.2.1/32 dev online',
  'ip link set nowhere up',
  'ip link set online up',
].join(' && ');
const SET_UP = `ip link set lo up && { { ${ONLINE}; } 2>/dev/null || true; }`;

/**
 * Returns a command that runs another in its own network namespace, with nothing but loopback. It works for root, and for anyone who
 * may create a user namespace. There an inner namespace maps the user back to their own id, so that the browser does not run as root.
 */
function commandInNamespace(): string[] {
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  if (uid === 0) return ['unshare', '--net', '--', 'sh', '-c', `${SET_UP} && exec "$0" "$@"`];
  const inner = `unshare --user --map-user=${uid} --map-group=${gid}`;
  return [
    ...['unshare', '--user', '--map-root-user', '--net', '--'],
    ...['sh', '-c', `${SET_UP} && exec ${inner} -- "$0" "$@"`],
  ];
}

function canHaveNamespace(): boolean {
  if (process.platform !== 'linux') return false;
  const [command, ...args] = commandInNamespace();
  return spawnSync(command!, [...args, 'true'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/**
 * Prepares to start a browser, isolated as well as the system allows.
 * @throws UsageError for a browser that would run as root in a sandbox, which Chromium does not support
 * @throws InputError for an unknown user
 */
export function isolate({ executable, user, sandbox }: IsolationOptions): Isolation {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && user === '' && sandbox) {
    throw new UsageError(
      'engine browser: Chromium has no sandbox for root; expected browserUser: nobody (or another), or browserSandbox: false',
    );
  }
  const other = isRoot && user !== '' ? { name: user, uid: idOf(user, '-u'), gid: idOf(user, '-g') } : null;
  const kind = canHaveNamespace() ? 'namespace' : 'flags';
  if (process.platform === 'win32') return { kind, user: null, executable, socket: null, port: 0, close: () => {} };

  // Only this user may reach the gateway's socket. The profile belongs to the browser's user.
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-browser-'));
  const profile = mkdtempSync(join(tmpdir(), 'homeveil-profile-'));
  const close = () => {
    for (const one of [folder, profile]) rmSync(one, { recursive: true, force: true, maxRetries: 3 });
  };
  if (other) chownSync(profile, other.uid, other.gid);
  const socket = kind === 'namespace' ? join(folder, 'gateway') : null;
  const order: BoxOrder = {
    executable,
    profile,
    user: other && { uid: other.uid, gid: other.gid },
    environment: other ? environmentOf(profile) : process.env,
    relay: socket === null ? null : { port: PORT, socket },
  };
  const orderPath = join(folder, 'order.json');
  writeFileSync(orderPath, JSON.stringify(order), { mode: 0o600 });
  const box = fileURLToPath(new URL('./browser-box.js', import.meta.url));
  const command = [...(kind === 'namespace' ? commandInNamespace() : []), process.execPath, box, orderPath];
  const start = join(folder, 'start');
  writeFileSync(start, `#!/bin/sh\nexec ${command.map(quote).join(' ')} "$@"\n`);
  chmodSync(start, 0o700);
  return { kind, user: other?.name ?? null, executable: start, socket, port: PORT, close };
}

/** Environment for another user, without root's variables. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  const { PATH, LANG, LC_ALL, TZ } = process.env;
  return { PATH, LANG, LC_ALL, TZ, HOME: home, TMPDIR: home, XDG_RUNTIME_DIR: home };
}

function idOf(user: string, option: '-u' | '-g'): number {
  try {
    return Number(execFileSync('id', [option, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch (cause) {
    const id = isMissingProgram(cause) ? listedId(user, option) : null;
    if (id !== null) return id;
    throw new InputError(`browserUser: expected a user of this machine, found "${user}"`, { cause });
  }
}

/** Id of a user in /etc/passwd, for a machine without the program `id`. It lacks users of a directory service. */
function listedId(user: string, option: '-u' | '-g'): number | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === user) return Number(option === '-u' ? uid : gid);
  }
  return null;
}

function isMissingProgram(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT';
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
