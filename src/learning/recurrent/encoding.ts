import { rowsInWindows } from '../build-windows.js';
import type { PacketFeatures, Windows } from '../windows.js';
import { lengthPeriods, packetFeatures, rawFeatures } from './network.js';

/** The encoding of packets for the network, learned from the training windows and saved with the model. */
export interface Encoding {
  /** Ports with a row of the embedding: `ports[i]` has row i + 1. All others share row 0. */
  readonly ports: readonly number[];
  /** Bytes that are scaled to 1. */
  readonly lengthUnit: number;
  /** Mean and deviation of log10(interval in seconds + `intervalFloor`). */
  readonly intervalMean: number;
  readonly intervalDeviation: number;
  /** Seconds, about the resolution of captures; keeps the logarithm of 0 finite. */
  readonly intervalFloor: number;
}

/** Packets as the network's input. */
export interface EncodedPackets {
  /** Row of the port embedding. */
  readonly port: Int32Array;
  /** rows x `packetFeatures`: seven protocol bits, direction, length, interval, waves of the length. */
  readonly features: Float32Array;
}

/** The maximal transmission unit of Ethernet. */
const mtu = 1500;
const intervalFloor = 1e-6;

/** @param maximumPorts number of the most frequent ports that get their own embedding */
export function learnEncoding(windows: Windows, maximumPorts: number): Encoding {
  const { port, interval } = windows.packets;
  const rows = rowsInWindows(windows);
  const packets = new Map<number, number>();
  let sum = 0;
  let squares = 0;
  for (const row of rows) {
    packets.set(port[row]!, (packets.get(port[row]!) ?? 0) + 1);
    const logInterval = Math.log10(interval[row]! + intervalFloor);
    sum += logInterval;
    squares += logInterval * logInterval;
  }
  const ports = [...packets]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .slice(0, maximumPorts)
    .map(([number]) => number);
  const mean = sum / rows.length;
  const deviation = Math.sqrt(Math.max(0, squares / rows.length - mean * mean));
  // Equal intervals carry no information; any unit will do.
  return {
    ports,
    lengthUnit: mtu,
    intervalMean: mean,
    intervalDeviation: deviation > 1e-6 ? deviation : 1,
    intervalFloor,
  };
}

/**
 * Packets as numbers of about unit size. A length is encoded as itself and as sines and cosines of it: two lengths that differ by a
 * few bytes are often two messages, which a network separates by waves where a single number is too smooth (Tancik et
 * al., "Fourier features let networks learn high frequency functions in low dimensional domains", NeurIPS 2020). Not in Dong
 * et al.; docs/recurrent.md has its effect.
 */
export function encodePackets(packets: PacketFeatures, encoding: Encoding): EncodedPackets {
  const { rows } = packets;
  const rowOf = new Int32Array(0x10000);
  encoding.ports.forEach((number, i) => {
    rowOf[number] = i + 1;
  });
  const port = new Int32Array(rows);
  const features = new Float32Array(rows * packetFeatures);
  for (let row = 0; row < rows; row++) {
    port[row] = rowOf[packets.port[row]!]!;
    const at = row * packetFeatures;
    const bits = packets.protocols[row]!;
    for (let bit = 0; bit < 7; bit++) features[at + bit] = (bits >> bit) & 1;
    features[at + 7] = packets.direction[row]!;
    features[at + 8] = packets.length[row]! / encoding.lengthUnit;
    const logInterval = Math.log10(packets.interval[row]! + encoding.intervalFloor);
    features[at + 9] = (logInterval - encoding.intervalMean) / encoding.intervalDeviation;
    lengthPeriods.forEach((period, i) => {
      const turns = packets.length[row]! / period;
      const angle = 2 * Math.PI * (turns - Math.floor(turns));
      features[at + rawFeatures + i] = Math.sin(angle);
      features[at + rawFeatures + lengthPeriods.length + i] = Math.cos(angle);
    });
  }
  return { port, features };
}
