import type { Attack } from '../learning/attack.js';
import { buildWindows } from '../learning/build-windows.js';
import { FEATURE_COLUMNS, NO_CLASS, type Sight, type Windows } from '../learning/windows.js';
import type { Rng } from '../shared/rng.js';
import { seenTable } from '../trace/seen.js';
import { createTraceBuilder, NO_DEVICE, Protocol, type Trace } from '../trace/trace.js';

/** Packets per window. */
const WINDOW = 20;

/** Devices that port, protocols and length each tell apart. */
const DEVICES = ['lamp', 'camera', 'lock'].map((name) => ({ name, category: 'iot' as const }));
const PORTS = [1883, 443, 5683];
/** Names of the remote ends; the last one has none. */
const NAMES = ['', 'lamp.example.com', 'camera.example.org'];
const { IP, TCP, UDP, TLS } = Protocol;
const PROTOCOLS = [IP | TCP, IP | TCP | TLS, IP | UDP];

interface Options {
  readonly devices?: number;
  /** Share of the packets that is cover, or of a device that is in no class. */
  readonly strange?: number;
  readonly classes?: readonly string[];
  readonly coverClass?: boolean;
  readonly stride?: number;
  /** The attack that they are for, which says what it is shown. */
  readonly attack: Pick<Attack, 'sees' | 'answers'>;
}

/** Windows over the packets of some devices, which take turns by chance; each has a flow of its own. */
export function makeWindows(rng: Rng, packets: number, options: Options): Windows {
  const { devices = 2, strange = 0, coverClass = false, stride = WINDOW, attack } = options;
  const { classes = DEVICES.slice(0, devices).map(({ name }) => name) } = options;
  const { sees = [] } = attack;
  const trace = makeTrace(rng, packets, devices, strange, sees);
  // Packets of a home alternate by chance, so no window of it would be of one device.
  const mix = attack.answers === 'window' ? 'flow' : 'home';
  return buildWindows(trace, { size: WINDOW, stride, mix, port: 'service', classes, coverClass, sees }).windows;
}

function makeTrace(rng: Rng, packets: number, devices: number, strange: number, sees: readonly Sight[]): Trace {
  const builder = createTraceBuilder(DEVICES);
  for (const [host, remotePort] of PORTS.entries()) {
    builder.flow({
      transport: remotePort === 5683 ? 17 : 6,
      localPort: 40_000 + remotePort,
      remotePort,
      localAddress: '192.168.1.10',
      remoteAddress: `198.51.100.${host}`,
      wan: true,
      header: 14,
    });
  }
  const table = seenTable(sees);
  const seen = table.allocate(packets);
  const made = rng.stream('seen');
  let time = 1.7e9;
  for (let i = 0; i < packets; i++) {
    time += rng.exponential(0.1);
    const kind = rng.integer(0, devices - 1);
    for (const name of table.names) seen[name]![i] = 1 + 2 * kind + made.integer(0, 1);
    const isCover = rng.uniform() < strange;
    builder.push({
      time,
      length: 100 + 500 * kind + rng.integer(0, 20),
      direction: rng.integer(0, 1),
      protocols: PROTOCOLS[kind]!,
      port: PORTS[kind]!,
      flow: kind,
      device: isCover ? NO_DEVICE : kind,
      cover: isCover ? 1 : 0,
    });
  }
  const trace = builder.build(table.names.length > 0 ? seen : undefined);
  if (!sees.includes('names')) return trace;
  return { ...trace, flows: { ...trace.flows, name: Uint32Array.of(1, 2, 0), names: NAMES } };
}

/** As a prediction is given them: nothing says what is what. */
export function withoutLabels(windows: Windows): Windows {
  return { ...windows, classes: [], label: new Uint16Array(windows.label.length).fill(NO_CLASS) };
}

/** The same packets, but no window over them. */
export function withoutWindows(windows: Windows): Windows {
  return { ...windows, start: new Uint32Array(0), count: new Uint32Array(0) };
}

/** Not one packet. */
export function emptyWindows(classes: readonly string[], { sees = [] }: Options['attack']): Windows {
  const isNamed = sees.includes('names');
  const table = seenTable(sees);
  return {
    packets: { rows: 0, ...FEATURE_COLUMNS.allocate(0) },
    start: new Uint32Array(0),
    count: new Uint32Array(0),
    size: WINDOW,
    streamEnds: new Uint32Array(0),
    time: new Float64Array(0),
    ...((isNamed || sees.includes('remote')) && {
      remote: { of: new Uint32Array(0), addresses: [], ...(isNamed && { names: [] }) },
    }),
    ...(table.names.length > 0 && { seen: table.allocate(0) }),
    classes,
    label: new Uint16Array(0),
  };
}
