import { deflateSync } from 'node:zlib';
import { SINGLE, WIDTHS } from '../../src/shaping/maybenot/bincode.js';
import { DISTRIBUTION_KINDS, DISTRIBUTIONS, type Distribution } from '../../src/shaping/maybenot/distribution.js';
import {
  type Action,
  type CounterUpdate,
  checkMachine,
  type Machine,
  OPERATIONS,
  type State,
  TIMERS,
} from '../../src/shaping/maybenot/machine.js';
import { ACTIONS, VERSION } from '../../src/shaping/maybenot/serialized.js';

/** @throws InputError for a machine that breaks the rules */
export function encodeMachine(machine: Machine): string {
  checkMachine(machine, 'machine');
  return pack(machineToBincode(machine));
}

/** A machine in bincode, unchecked. */
export function machineToBincode(machine: Machine): Uint8Array {
  const writer = createBincodeWriter();
  writeMachine(writer, machine);
  return writer.finish();
}

/** The serialised form of a machine in bincode. */
export function pack(bincode: Uint8Array): string {
  return VERSION + deflateSync(bincode, { level: 9 }).toString('base64');
}

function writeMachine(writer: BincodeWriter, machine: Machine): void {
  writer.unsigned(machine.allowedPaddingPackets);
  writer.double(machine.maxPaddingFraction);
  writer.unsigned(machine.allowedBlockedMicroseconds);
  writer.double(machine.maxBlockingFraction);
  writer.unsigned(machine.states.length);
  for (const state of machine.states) writeState(writer, state);
}

function writeState(writer: BincodeWriter, { action, counters, transitions }: State): void {
  writer.option(action, (given) => writeAction(writer, given));
  for (const counter of counters) writer.option(counter, (given) => writeCounter(writer, given));
  for (const row of transitions) {
    writer.option(row, (given) => {
      writer.unsigned(given.length);
      for (const { to, probability } of given) {
        writer.unsigned(to);
        writer.float(probability);
      }
    });
  }
}

function writeAction(writer: BincodeWriter, action: Action): void {
  writer.variant(action.kind, ACTIONS);
  if (action.kind === 'cancel') {
    writer.variant(action.timer, TIMERS);
    return;
  }
  if (action.kind !== 'update-timer') writer.boolean(action.bypass);
  writer.boolean(action.replace);
  if (action.kind !== 'update-timer') writeDistribution(writer, action.timeout);
  if (action.kind !== 'send-padding') writeDistribution(writer, action.duration);
  writer.option(action.limit, (limit) => writeDistribution(writer, limit));
}

function writeCounter(writer: BincodeWriter, { operation, distribution, copy }: CounterUpdate): void {
  writer.variant(operation, OPERATIONS);
  writer.option(distribution, (given) => writeDistribution(writer, given));
  writer.boolean(copy);
}

function writeDistribution(writer: BincodeWriter, { kind, parameters, start, max }: Distribution): void {
  const { counts } = DISTRIBUTIONS[kind];
  writer.variant(kind, DISTRIBUTION_KINDS);
  for (const [i, value] of parameters.entries()) {
    if (counts && i === 0) writer.unsigned(value);
    else writer.double(value);
  }
  writer.double(start);
  writer.double(max);
}

/** Writes the format that the reader in src/shaping/maybenot/bincode.ts reads. */
interface BincodeWriter {
  unsigned(value: bigint | number): void;
  boolean(value: boolean): void;
  double(value: number): void;
  float(value: number): void;
  option<T>(value: T | null, write: (value: T) => void): void;
  variant<T>(value: T, variants: readonly T[]): void;
  finish(): Uint8Array;
}

function createBincodeWriter(): BincodeWriter {
  const bytes: number[] = [];
  const scratch = new DataView(new ArrayBuffer(8));
  const put = (count: number): void => {
    for (let i = 0; i < count; i++) bytes.push(scratch.getUint8(i));
  };
  const unsigned = (value: bigint | number): void => {
    const whole = BigInt(value);
    if (whole <= SINGLE) return void bytes.push(Number(whole));
    const at = whole < 2n ** 16n ? 0 : whole < 2n ** 32n ? 1 : 2;
    bytes.push(SINGLE + 1 + at);
    scratch.setBigUint64(0, whole, true);
    put(WIDTHS[at]!);
  };
  const boolean = (value: boolean): void => void bytes.push(value ? 1 : 0);
  return {
    unsigned,
    boolean,
    double(value) {
      scratch.setFloat64(0, value, true);
      put(8);
    },
    float(value) {
      scratch.setFloat32(0, value, true);
      put(4);
    },
    option(value, write) {
      boolean(value !== null);
      if (value !== null) write(value);
    },
    variant: (value, variants) => unsigned(variants.indexOf(value)),
    finish: () => Uint8Array.from(bytes),
  };
}
