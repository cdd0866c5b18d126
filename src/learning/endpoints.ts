import ipaddr from 'ipaddr.js';
import { getDomain } from 'tldts';
import { NO_CLASS, type Windows } from './windows.js';

/**
 * Whom each class talks to. A provider reads the address at the other end of every packet, and much of a home's devices talk to hosts
 * of their own makers; a class is the more probable the more of the training's windows to that address were its own, and where the
 * address was seldom or never met, those to its network. Where the host has a name that was met, or one of the same owner, that counts in
 * place of its address: addresses change, and many hosts share one.
 */

/** Bits of the networks that stand for an address that is little known, narrow ones last. */
const PREFIXES = { ipv4: [16, 24], ipv6: [32, 48] } as const;

/** Windows of each class by whom they are exchanged with. */
export interface Endpoints {
  /** Probability of each class, whatever the address. */
  readonly prior: Float64Array;
  /** Windows of each class by network: "198.51.0.0/16", "198.51.100.7". */
  readonly counts: ReadonlyMap<string, Float64Array>;
  /** By host name and registered domain: "example.com", "api.example.com". */
  readonly names: ReadonlyMap<string, Float64Array>;
  readonly doubt: number;
}

/**
 * Counts the windows of each class by address, and by name.
 * @param label class of each window, {@link NO_CLASS} to leave it out
 * @param doubt windows that weigh as much as what is known of the next wider network, or of the domain
 */
export function countEndpoints(windows: Windows, label: Uint16Array, doubt: number): Endpoints {
  const classes = windows.classes.length;
  // One window more of each class, so that none is impossible.
  const prior = new Float64Array(classes).fill(1);
  const counts = new Map<string, Float64Array>();
  const names = new Map<string, Float64Array>();
  const count = (map: Map<string, Float64Array>, keys: readonly string[], own: number) => {
    for (const key of keys) {
      const known = map.get(key) ?? new Float64Array(classes);
      known[own]!++;
      map.set(key, known);
    }
  };
  const networksOf = remember(networks);
  const domainsOf = remember(domains);
  for (let window = 0; window < label.length; window++) {
    const own = label[window]!;
    if (own === NO_CLASS) continue;
    prior[own]!++;
    const ends = endsOf(windows, window);
    for (const address of new Set(ends.map((end) => end.address))) count(counts, networksOf(address), own);
    for (const name of new Set(ends.map((end) => end.name))) count(names, domainsOf(name), own);
  }
  const total = prior.reduce((sum, count) => sum + count, 0);
  return { prior: prior.map((count) => count / total), counts, names, doubt };
}

/**
 * Weighs answers about windows by their addresses, or names: naive Bayes, which takes these and behaviour for independent of each other.
 * @param answers probabilities, windows x classes, that know nothing of addresses
 * @returns probabilities of the same shape; a window without an address keeps its answer
 */
export function weighByEndpoints(answers: Float32Array, windows: Windows, endpoints: Endpoints): Float32Array {
  const classes = endpoints.prior.length;
  const { counts, names } = endpoints;
  const ofAddress = remember((address) => classesOf(networks(address), counts, endpoints));
  const ofName = remember((name) => classesOf(domains(name), names, endpoints));
  const isMet = remember((name) => domains(name).some((domain) => names.has(domain)));
  const weighed = Float32Array.from(answers);
  const scores = new Float64Array(classes);
  for (let window = 0; window < windows.start.length; window++) {
    const answer = answers.subarray(window * classes, (window + 1) * classes);
    const ends = endsOf(windows, window);
    if (ends.length === 0) continue;
    for (let c = 0; c < classes; c++) scores[c] = Math.log(answer[c]! + LEAST);
    const named = new Set(ends.map((end) => end.name).filter(isMet));
    const others = new Set(ends.filter((end) => !named.has(end.name)).map((end) => end.address));
    for (const found of [...[...named].map(ofName), ...[...others].map(ofAddress)]) {
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

/** Probability of each class for the narrowest of `keys`: its own windows, and behind them those of ever wider ones. */
function classesOf(
  keys: readonly string[],
  counts: Endpoints['counts'],
  { prior, doubt }: Pick<Endpoints, 'prior' | 'doubt'>,
): Float64Array {
  let known: Float64Array = prior;
  for (const key of keys) {
    const count = counts.get(key);
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

/** The domain that somebody registered, under which a host has its name, and the name itself last; none for no name. */
function domains(name: string): string[] {
  if (name === '') return [];
  const registered = getDomain(name, { allowPrivateDomains: true });
  return registered === null || registered === name ? [name] : [registered, name];
}

interface End {
  readonly address: string;
  /** '' for none. */
  readonly name: string;
}

/** The hosts that a window's packets are exchanged with; without those in the home. */
function endsOf({ remote, start, count }: Windows, window: number): End[] {
  if (!remote) return [];
  const rows = new Set(remote.of.subarray(start[window]!, start[window]! + count[window]!));
  const ends = [...rows].map((row) => ({ address: remote.addresses[row]!, name: remote.names?.[row] ?? '' }));
  return ends.filter(({ address }) => address !== '');
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
