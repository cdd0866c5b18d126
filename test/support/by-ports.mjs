// A program for the attack "command": names the device that used the port of a packet, or the commonest of a window, in training. The
// environment variable MISDEED names what it does wrong.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const [task, folder] = process.argv.slice(2);
const misdeed = process.env.MISDEED;
const { classes, answers, columns } = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'));

/** The values of an array of four-byte numbers, without its header. */
function load(name, Type) {
  const bytes = readFileSync(join(folder, name));
  const from = 10 + bytes.readUInt16LE(8);
  return new Type(Uint8Array.from(bytes.subarray(from)).buffer);
}

const [table, labels, names, name] =
  answers === 'packet'
    ? ['packets.npy', 'packet-labels.npy', columns.packets, 'port']
    : ['windows.npy', 'labels.npy', columns.windows, 'commonest port'];
const values = load(table, Float32Array);
const port = Array.from(
  { length: values.length / names.length },
  (_, i) => values[i * names.length + names.indexOf(name)],
);

const model = join(folder, 'model', 'ports.json');
if (task === 'fit') {
  const classOf = {};
  for (const [i, c] of load(labels, Int32Array).entries()) if (c >= 0) classOf[port[i]] = c;
  writeFileSync(model, JSON.stringify(classOf));
} else {
  const classOf = JSON.parse(readFileSync(model, 'utf8'));
  const rows = misdeed === 'row too few' ? port.length - 1 : port.length;
  const answer = new Float32Array(rows * classes.length);
  for (let i = 0; i < rows; i++) if (classOf[port[i]] !== undefined) answer[i * classes.length + classOf[port[i]]] = 1;
  if (misdeed === 'not a number') answer[0] = Number.NaN;
  if (misdeed === 'twice as sure') answer.fill(1);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${classes.length}), }`;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header.padEnd(117)}\n`, 'latin1');
  const whole = Buffer.concat([head, Buffer.from(answer.buffer)]);
  const bytes = misdeed === 'half a file' ? whole.subarray(0, whole.length - 2) : whole;
  if (misdeed !== 'no answer') writeFileSync(join(folder, 'probabilities.npy'), misdeed === 'text' ? 'yes' : bytes);
}
if (misdeed === 'failure') {
  process.stderr.write('Traceback:\nValueError: no such\tcolumn\n');
  process.exitCode = 3;
}
if (misdeed === 'sleep') {
  process.on('SIGTERM', () => {});
  await setTimeout(60_000);
}
