import { inflateSync } from 'node:zlib';
import { InputError } from '../../shared/errors.js';
import { readText } from '../../shared/files.js';
import { type BincodeReader, createBincodeReader } from './bincode.js';
import { DISTRIBUTION_KINDS, DISTRIBUTIONS, type Distribution } from './distribution.js';
import {
  type Action,
  type CounterUpdate,
  checkMachine,
  EVENT_NAMES,
  type Machine,
  OPERATIONS,
  type State,
  TIMERS,
  type Transition,
} from './machine.js';

/** The start of the serialised form; then, in base64, the zlib stream of the machine in bincode. */
export const VERSION = '02';
/** Largest machine in bincode, in bytes: Maybenot's `MAX_DECOMPRESSED_SIZE`. */
const MOST_BYTES = 2 ** 20;
export const ACTIONS = ['cancel', 'send-padding', 'block-outgoing', 'update-timer'] as const;
/** Our limit, since a framework passes every event to every machine. */
const MOST_MACHINES = 100;

/**
 * Reads a machine in Maybenot's serialised form, and checks it.
 * @param where begins the error message
 * @throws InputError: one line
 */
export function decodeMachine(text: string, where: string): Machine {
  const version = text.slice(0, 2);
  if (version !== VERSION) {
    throw new InputError(`${where}: expected a machine of version "${VERSION}", found "${printable(version)}"`);
  }
  const machine = readMachine(createBincodeReader(unpack(text.slice(2), where), where));
  checkMachine(machine, where);
  return machine;
}

/**
 * Reads a file with one machine in a line, in the serialised form; empty lines and those that begin with # are skipped.
 * @throws InputError with file and line
 */
export function readMachines(path: string): Machine[] {
  const machines: Machine[] = [];
  for (const [i, raw] of readText(path).split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (machines.length === MOST_MACHINES) {
      throw new InputError(`${path}:${i + 1}: expected at most ${MOST_MACHINES} machines, found one more`);
    }
    machines.push(decodeMachine(line, `${path}:${i + 1}`));
  }
  if (machines.length === 0) throw new InputError(`${path}: expected a machine, found none`);
  return machines;
}

/** Text that stays on one line. */
function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?');
}

function unpack(base64: string, where: string): Uint8Array {
  const packed = Buffer.from(base64, 'base64');
  // Buffer.from skips unknown characters; comparing the text again is as strict as Maybenot.
  if (packed.length === 0 || packed.toString('base64') !== base64) {
    throw new InputError(`${where}: expected base64 with padding after the version, found something else`);
  }
  let unpacked: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    // The types do not cover `info`.
    unpacked = inflateSync(packed, { maxOutputLength: MOST_BYTES, info: true }) as unknown as typeof unpacked;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new InputError(`${where}: expected at most ${MOST_BYTES} bytes when decompressed, found more`, { cause });
    }
    throw new InputError(`${where}: not a whole zlib stream: ${(cause as Error).message}`, { cause });
  }
  const rest = packed.length - unpacked.engine.bytesWritten;
  if (rest > 0) throw new InputError(`${where}: expected nothing after the zlib stream, found ${rest} bytes`);
  return unpacked.buffer;
}

function readMachine(reader: BincodeReader): Machine {
  const machine = {
    allowedPaddingPackets: reader.unsigned('allowed_padding_packets'),
    maxPaddingFraction: reader.double('max_padding_frac'),
    allowedBlockedMicroseconds: reader.unsigned('allowed_blocked_microsec'),
    maxBlockingFraction: reader.double('max_blocking_frac'),
    states: readList(reader, 'states', () => readState(reader)),
  };
  reader.end();
  return machine;
}

/** Each entry takes at least a byte, so a false length ends with the bytes. */
function readList<T>(reader: BincodeReader, what: string, read: () => T): T[] {
  const list: T[] = [];
  for (let left = reader.count(what); left > 0; left--) list.push(read());
  return list;
}

function readState(reader: BincodeReader): State {
  return {
    action: reader.option('action', () => readAction(reader)),
    counters: [
      reader.option('counter A', () => readCounter(reader)),
      reader.option('counter B', () => readCounter(reader)),
    ],
    transitions: EVENT_NAMES.map((event) =>
      reader.option(event, () => readList(reader, event, () => readTransition(reader, event))),
    ),
  };
}

function readTransition(reader: BincodeReader, event: string): Transition {
  return { to: reader.count(event), probability: reader.float(event) };
}

function readAction(reader: BincodeReader): Action {
  const limit = () => reader.option('limit', () => readDistribution(reader, 'limit'));
  const kind = reader.variant('action', ACTIONS);
  switch (kind) {
    case 'cancel':
      return { kind, timer: reader.variant('timer', TIMERS) };
    case 'send-padding':
      return {
        kind,
        bypass: reader.boolean('bypass'),
        replace: reader.boolean('replace'),
        timeout: readDistribution(reader, 'timeout'),
        limit: limit(),
      };
    case 'block-outgoing':
      return {
        kind,
        bypass: reader.boolean('bypass'),
        replace: reader.boolean('replace'),
        timeout: readDistribution(reader, 'timeout'),
        duration: readDistribution(reader, 'duration'),
        limit: limit(),
      };
    case 'update-timer':
      return {
        kind,
        replace: reader.boolean('replace'),
        duration: readDistribution(reader, 'duration'),
        limit: limit(),
      };
  }
}

function readCounter(reader: BincodeReader): CounterUpdate {
  return {
    operation: reader.variant('operation', OPERATIONS),
    distribution: reader.option('counter', () => readDistribution(reader, 'counter')),
    copy: reader.boolean('copy'),
  };
}

function readDistribution(reader: BincodeReader, what: string): Distribution {
  const kind = reader.variant(what, DISTRIBUTION_KINDS);
  const { parameters, counts } = DISTRIBUTIONS[kind];
  return {
    kind,
    parameters: parameters.map((name, i) => (counts && i === 0 ? reader.count(name) : reader.double(name))),
    start: reader.double('start'),
    max: reader.double('max'),
  };
}
