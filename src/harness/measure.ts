import { bayesErrorBound } from '../learning/bayes-bound.js';
import { buildWindows } from '../learning/build-windows.js';
import type { Column } from '../learning/forest/bins.js';
import { countValues, entropy, informationAbout } from '../learning/mutual-information.js';
import { nearestNeighbourError } from '../learning/nearest-neighbour.js';
import { packetColumns } from '../learning/packet-columns.js';
import { neighbourColumns, windowColumns } from '../learning/packet-context.js';
import { sample } from '../learning/sample.js';
import { NO_CLASS, type Windows } from '../learning/windows.js';
import { separability } from '../likeness/separability.js';
import type { Metrics, ResolvedDefense, ResolvedSpec } from '../result/result.js';
import { take } from '../shared/columns.js';
import { createRng, type Rng } from '../shared/rng.js';
import { Cover, hasCover, type Trace } from '../trace/trace.js';
import type { AppliedView } from '../view/observe.js';
import type { TrainTest } from './dataset.js';
import type { SeedRun } from './seed-run.js';
import { windowing } from './setting.js';

/**
 * Packets looked at, drawn from all of the time: what is measured must cost little beside training. 1000 test packets give the error
 * of the nearest neighbour a standard error of 0.016 at most (0.006 on the synthetic home, since they are spread over it); fewer
 * training packets would make that error too high.
 */
const NEIGHBOURS = { train: 10_000, test: 1000 };
const INFORMATION_PACKETS = 20_000;
/** Number of cover packets, and of real ones, that are ranked. Their true proportion does not matter to a ranking. */
const COVER_PACKETS = 5000;

/** Neighbours on either side of a packet that are taken into account. */
const REACH = 2;

/** Features that an observer may use. Cover is ranked once with each, and the ranking that tells it best counts. */
const KNOWLEDGE: Readonly<Record<string, (windows: Windows, rows: Uint32Array) => Column[]>> = {
  packet: ({ packets }, rows) => packetColumns(packets, rows),
  neighbours: (windows, rows) => neighbourColumns(windows, rows, REACH),
  window: windowColumns,
};

/** Measures what the traffic under `defense` gives away to an observer who knows the defense, whatever the attack. */
export async function measure(
  spec: ResolvedSpec,
  view: AppliedView,
  { classes }: TrainTest,
  seedRun: SeedRun,
  defense: ResolvedDefense,
  seed: number,
  threads: number,
): Promise<Metrics> {
  // The same chance for every defense: as far as they leave packets as they are, the same ones are looked at.
  const rng = createRng(seed, 'metrics');
  const windowsOf = (trace: Trace) =>
    buildWindows(trace, { ...windowing(spec, view), stride: spec.window, classes, coverClass: hasCover(trace) })
      .windows;
  const traces = {
    train: (await seedRun.defend(defense, 'train')).defended.trace,
    test: (await seedRun.defend(defense, 'test')).defended.trace,
  };
  const [train, test] = [windowsOf(traces.train), windowsOf(traces.test)];
  // The padding of a real packet, in a frame of its own, is among what cover has to be told from.
  const [sentTrain, sentTest] = Object.values(traces).some(({ cover }) => cover.includes(Cover.PADDING))
    ? [windowsOf(paddingAsReal(traces.train)), windowsOf(paddingAsReal(traces.test))]
    : [train, test];
  const real = (label: number) => label < classes.length;
  return {
    defense: defense.label,
    view: spec.view.label,
    mix: spec.mix,
    seed,
    ...boundErrors(train, test, real, classes.length, rng.stream('neighbours')),
    ...informationOf(test, real, classes.length, rng.stream('information')),
    coverAuc: await tellCover(sentTrain, sentTest, classes.length, rng.stream('cover'), threads),
  };
}

/**
 * Real packets only, on both sides: whoever is scored on those never gains by calling one cover, so the classifier that errs least
 * does not.
 */
function boundErrors(
  train: Windows,
  test: Windows,
  real: (label: number) => boolean,
  classes: number,
  rng: Rng,
): Pick<Metrics, 'nearestNeighbourError' | 'bayesErrorBound' | 'accuracyBound'> {
  const known = sample(rowsWith(train, real), NEIGHBOURS.train, rng.stream('train'));
  const asked = sample(rowsWith(test, real), NEIGHBOURS.test, rng.stream('test'));
  const errors = Object.entries(KNOWLEDGE).map(([name, columnsOf]): [string, number | null] => {
    const labelled = (windows: Windows, rows: Uint32Array) => ({
      columns: columnsOf(windows, rows),
      label: take(windows.label, rows),
    });
    return [name, nearestNeighbourError(labelled(train, known), labelled(test, asked))];
  });
  const defined = errors.map(([, error]) => error).filter((error) => error !== null);
  // At best, all packets of unknown devices are called so.
  const scored = rowsWith(test, (label) => real(label) || label === NO_CLASS).length;
  const bound =
    defined.length === 0
      ? null
      : bayesErrorBound(Math.min(...defined), classes) * (rowsWith(test, real).length / scored);
  return {
    nearestNeighbourError: Object.fromEntries(errors),
    bayesErrorBound: bound,
    accuracyBound: bound === null ? null : 1 - bound,
  };
}

function informationOf(
  test: Windows,
  real: (label: number) => boolean,
  classes: number,
  rng: Rng,
): Pick<Metrics, 'deviceEntropy' | 'mutualInformation'> {
  const rows = sample(rowsWith(test, real), INFORMATION_PACKETS, rng.stream('sample'));
  const label = take(test.label, rows);
  return {
    deviceEntropy: entropy(countValues(label, classes)),
    mutualInformation: Object.fromEntries(
      packetColumns(test.packets, rows).map((column) => [
        column.name,
        informationAbout(column, label, classes, rng.stream('shuffle', column.name)),
      ]),
    ),
  };
}

const paddingAsReal = (trace: Trace): Trace => ({
  ...trace,
  cover: trace.cover.map((kind) => (kind === Cover.PADDING ? Cover.NONE : kind)),
});

/** @param cover the class of cover packets */
function tellCover(train: Windows, test: Windows, cover: number, rng: Rng, threads: number): Promise<number | null> {
  const part = (windows: Windows, name: string) => {
    const some = (isCover: boolean) =>
      sample(
        rowsWith(windows, (label) => (isCover ? label === cover : label < cover)),
        COVER_PACKETS,
        rng.stream(name, isCover ? 'cover' : 'real'),
      );
    const rows = Uint32Array.of(...some(true), ...some(false));
    return {
      columns: neighbourColumns(windows, rows, REACH),
      isB: Uint8Array.from(rows, (row) => Number(windows.label[row] === cover)),
    };
  };
  return separability(part(train, 'train'), part(test, 'test'), { rng: rng.stream('forest'), threads });
}

/** The packets whose class is as `wanted`. */
function rowsWith({ label }: Windows, wanted: (label: number) => boolean): Uint32Array {
  const rows = new Uint32Array(label.length);
  let size = 0;
  for (let row = 0; row < label.length; row++) if (wanted(label[row]!)) rows[size++] = row;
  return rows.subarray(0, size);
}
