import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, UsageError } from '../shared/errors.js';

/** What browser-box.js is to do. */
export interface BoxOrder {
  readonly executable: string;
  /** A folder for the browser to keep all it keeps in; in place of the one among its arguments. */
  readonly profile: string;
  /** Null where the browser runs as who started it. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly environment: NodeJS.ProcessEnv;
  /** Null where the browser has this machine's network. */
  readonly relay: { readonly port: number; readonly socket: string } | null;
}

/** What keeps a browser's packets from going past the gateway: a network namespace with nothing else in it, or its own settings. */
export type IsolationKind = 'namespace' | 'flags';

interface IsolationOptions {
  /** Of the browser. */
  readonly executable: string;
  /** The user that it runs as where this process is root's; empty for root. */
  readonly user: string;
  readonly sandbox: boolean;
}

/** How a browser is started, and where it finds the gateway. */
interface Isolation {
  readonly kind: IsolationKind;
  /** Null where it runs as the user of this process. */
  readonly user: string | null;
  /** To be started in place of the browser, with its arguments. */
  readonly executable: string;
  /** Unix socket on which the gateway is to listen; null for a port of loopback. */
  readonly socket: string | null;
  /** Of the gateway as the browser sees it, where it listens on the socket. */
  readonly port: number;
  /** Removes what was written for it. */
  close(): void;
}

/** Begins what the box says of a browser that could not be started. */
export const BOX = 'browser-box:';

/** In a namespace that is new, every port is free. */
const PORT = 3128;

/**
 * A cable with both ends in the namespace, with an address for documentation (RFC 5737) and no route: with loopback alone, `navigator.onLine` says
 * that there is no network. Where the kernel has no such cables, pages are told so.
 */
const ONLINE = [
  'ip link add online type veth peer name nowhere',
  'ip address add 192.0.2.1/32 dev online',
  'ip link set nowhere up',
  'ip link set online up',
].join(' && ');
const SET_UP = `ip link set lo up && { { ${ONLINE}; } 2>/dev/null || true; }`;

/**
 * Runs a command in a network namespace of its own with nothing but loopback, by root, or by anyone whom the system allows a user namespace; there
 * the inner one gives the user back their own name: a browser does not run as root.
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
 * @throws UsageError for a browser that would be root's and in a sandbox, which there is none for
 * @throws InputError for a user whom there is not
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

  // Nobody else is to reach the gateway's socket; the browser's own folder is its user's.
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

/** Another user has no use for root's, and is not to see it. */
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

/** The id in the system's own list, which knows no user of a directory service: for a machine without the program `id`. */
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
