import { encodeNpy } from '../shared/npy.js';
import { labelWindows } from './build-windows.js';
import { modelInput, PACKET_COLUMNS } from './model-input.js';
import { summarizeWindows } from './window-summary.js';
import { NO_CLASS, type Windows } from './windows.js';

/** Windows as arrays for programs in other languages. */
interface WindowArrays {
  /** Names of the columns of `windows.npy`. */
  readonly columns: readonly string[];
  /** Files by name. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Windows as `.npy` files: `packets` (float32, packets x {@link PACKET_COLUMNS}), `time` (float64, seconds since the part began),
 * `start` and `count` (int32, first packet and packets of each window), `streams` (int32, the packet after each stream's last),
 * `windows` (float32, windows x columns of {@link summarizeWindows}).
 * @param isLabelled true adds `packet-labels` and `labels` (int32, class of each packet and of each window, -1 for none)
 */
export function windowArrays(windows: Windows, isLabelled: boolean): WindowArrays {
  const { packets, start, count, streamEnds, time, label } = windows;
  const summary = summarizeWindows(windows);
  const array = (values: Parameters<typeof encodeNpy>[0]) => encodeNpy(values, [values.length]);
  const classes = (labels: Uint16Array) => array(Int32Array.from(labels, (one) => (one === NO_CLASS ? -1 : one)));
  return {
    columns: summary.map(({ name }) => name),
    files: {
      'packets.npy': encodeNpy(packetMatrix(windows), [packets.rows, PACKET_COLUMNS.length]),
      'time.npy': array(time),
      'start.npy': array(Int32Array.from(start)),
      'count.npy': array(Int32Array.from(count)),
      'streams.npy': array(Int32Array.from(streamEnds)),
      'windows.npy': encodeNpy(interleave(summary, start.length), [start.length, summary.length]),
      ...(isLabelled && { 'packet-labels.npy': classes(label), 'labels.npy': classes(labelWindows(windows)) }),
    },
  };
}

function packetMatrix({ packets }: Windows): Float32Array {
  const width = PACKET_COLUMNS.length;
  const { features } = modelInput(packets, 0, packets.rows);
  const matrix = new Float32Array(packets.rows * width);
  for (let row = 0; row < packets.rows; row++) {
    matrix[row * width] = packets.port[row]!;
    matrix.set(features.subarray(row * (width - 1), (row + 1) * (width - 1)), row * width + 1);
  }
  return matrix;
}

function interleave(columns: ReturnType<typeof summarizeWindows>, rows: number): Float32Array {
  const matrix = new Float32Array(rows * columns.length);
  for (const [c, { values }] of columns.entries()) {
    for (let row = 0; row < rows; row++) matrix[row * columns.length + c] = values[row]!;
  }
  return matrix;
}
