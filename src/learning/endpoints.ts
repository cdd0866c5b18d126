import ipaddr from 'ipaddr.js';
import { NO_CLASS, type Windows } from './windows.js';

/**
 * Whom each class talks to. A provider reads the address at the other end of every packet, and much of a home's devices talk to hosts
 * of their own makers; a class is the more probable the more of the training's windows to that address were its own, and where the
 * address was seldom or never met, those to its network.
 */

/** Bits of the networks that stand for an address that is little known, narrow ones last. */
const PREFIXES = { ipv4: [16, 24], ipv6: [32, 48] } as const;

/** Probability of each class for a window with an address, by address and network. */
export interface Endpoints {
  /** Probability of each class, whatever the address. */
  readonly prior: Float64Array;
  /** Windows of each class by network: "198.51.0.0/16", "198.51.100.7". */
  readonly counts: ReadonlyMap<string, Float64Array>;
  readonly doubt: number;
}

/**
 * Counts the windows of each class by address.
 * @param label class of each window, {@link NO_CLASS} to leave it out
 * @param doubt windows that weigh as much as what is known of the next wider network
 */
export function countEndpoints(windows: Windows, label: Uint16Array, doubt: number): Endpoints {
  const classes = windows.classes.length;
  // One window more of each class, so that none is impossible.
  const prior = new Float64Array(classes).fill(1);
  const counts = new Map<string, Float64Array>();
  const networksOf = remember(networks);
  for (let window = 0; window < label.length; window++) {
    const own = label[window]!;
    if (own === NO_CLASS) continue;
    prior[own]!++;
    for (const address of addressesOf(windows, window)) {
      for (const network of networksOf(address)) {
        let count = counts.get(network);
        if (!count) {
          count = new Float64Array(classes);
          counts.set(network, count);
        }
        count[own]!++;
      }
    }
  }
  const total = prior.reduce((sum, count) => sum + count, 0);
  return { prior: prior.map((count) => count / total), counts, doubt };
}

/**
 * Weighs answers about windows by their addresses: naive Bayes, which takes addresses and behaviour for independent of each other.
 * @param answers probabilities, windows x classes, that know nothing of addresses
 * @returns probabilities of the same shape; a window without an address keeps its answer
 */
export function weighByEndpoints(answers: Float32Array, windows: Windows, endpoints: Endpoints): Float32Array {
  const classes = endpoints.prior.length;
  const probabilitiesOf = remember((address: string) => classesOf(address, endpoints));
  const weighed = Float32Array.from(answers);
  const scores = new Float64Array(classes);
  for (let window = 0; window < windows.start.length; window++) {
    const answer = answers.subarray(window * classes, (window + 1) * classes);
    const addresses = addressesOf(windows, window);
    if (addresses.size === 0) continue;
    for (let c = 0; c < classes; c++) scores[c] = Math.log(answer[c]! + LEAST);
    for (const address of addresses) {
      const found = probabilitiesOf(address);
      for (let c = 0; c < classes; c++) scores[c]! += Math.log(found[c]! / endpoints.prior[c]!);
    }
    const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    const sum = scores.reduce((total, score) => total + Math.exp(score - highest), 0);
    for (let c = 0; c < classes; c++) weighed[window * classes + c] = Math.exp(scores[c]! - highest) / sum;
  }
  return weighed;
}

/** A forest gives many classes no vote at all, which an address must be able to outweigh. */
const LEAST = 1e-3;

/** Probability of each class for an address: its own windows, and behind them those of ever wider networks. */
function classesOf(address: string, { prior, counts, doubt }: Endpoints): Float64Array {
  let known: Float64Array = prior;
  for (const network of networks(address)) {
    const count = counts.get(network);
    if (!count) continue;
    const total = count.reduce((sum, one) => sum + one, 0);
    const wider = known;
    known = count.map((one, c) => (one + doubt * wider[c]!) / (total + doubt));
  }
  return known;
}

/** The networks of an address, widest first, and the address itself last. */
function networks(address: string): string[] {
  if (!ipaddr.isValid(address)) return [address];
  const parsed = ipaddr.parse(address);
  const wide = PREFIXES[parsed.kind()].map((bits) => {
    const bytes = parsed.toByteArray().map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
    return `${ipaddr.fromByteArray(bytes)}/${bits}`;
  });
  return [...wide, parsed.toString()];
}

/** The addresses that a window's packets are exchanged with; without those that stay in the home. */
function addressesOf({ remote, start, count }: Windows, window: number): Set<string> {
  const found = new Set<string>();
  if (!remote) return found;
  let last = -1;
  for (let row = start[window]!; row < start[window]! + count[window]!; row++) {
    const of = remote.of[row]!;
    if (of === last) continue;
    last = of;
    if (remote.addresses[of] !== '') found.add(remote.addresses[of]!);
  }
  return found;
}

function remember<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}
