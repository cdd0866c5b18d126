import type { AppliedDefense } from '../shaping/shaper.js';
import { formatRequest, resolveParameters } from '../shared/parameters.js';
import { createRng, type Rng } from '../shared/rng.js';
import { NO_DEVICE, TRACE_COLUMNS, type Trace } from '../trace/trace.js';
import type { View } from '../view/view.js';
import { hidesCover } from './cover.js';
import { checkDescription, descriptionChecks } from './describes-itself.js';
import { type Check, type ConformanceReport, createRecorder, demand, type Recorder } from './report.js';
import {
  anyParameters,
  checkDrawnParameters,
  checkRuns,
  makeAllTraffic,
  runChecks,
  subjectOf,
  usesChance,
} from './runs.js';
import type { Traffic } from './traffic.js';
import { firstDifference } from './trial.js';

export interface CheckViewOptions {
  /** Parameters to try besides the defaults. */
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  /** Sets of parameters to draw from the schema for its carrier; 200 by default. */
  readonly sets?: number;
  /** Seed of the traffic and of the sets. */
  readonly seed?: number;
}

const declares: Check = {
  name: 'declares-itself',
  summary:
    'perDevice and live are known ones; the carrier needs no training, and is a tunnel only outside the gateway.',
};
const selects: Check = {
  name: 'selects-from-any-traffic',
  summary: 'select() throws nothing, and leaves the trace that it is given as it is.',
};
const inventsNothing: Check = {
  name: 'invents-nothing',
  summary:
    'Packets are some of the trace in its order, and only addresses and ports of flows differ: ground truth stays.',
};
const readsNoLabels: Check = {
  name: 'reads-no-labels',
  summary: 'The same packets are selected whatever devices and cover they are labelled with.',
};
const selectsTheSame: Check = {
  name: 'selects-the-same-again',
  summary: 'All chance comes from the generator given: with the same seed the same packets and flows.',
};

const viewChecks: readonly Check[] = [
  ...descriptionChecks,
  declares,
  selects,
  inventsNothing,
  readsNoLabels,
  selectsTheSame,
];
/** The checks on the carrier of a view that has one. */
const carrierChecks = [...runChecks, usesChance, hidesCover, anyParameters];

/**
 * Holds a view to its contract (docs/writing-a-view.md): what it selects from traffic of a made-up home and at the edges of the possible,
 * and what it carries packets in, which owes what a defense does. Findings are in the report; nothing is thrown.
 */
export async function checkView(view: View, options: CheckViewOptions = {}): Promise<ConformanceReport> {
  const { parameters = [], sets, seed = 1 } = options;
  const recorder = createRecorder([...viewChecks, ...(view.carry ? carrierChecks : [])]);
  const rng = createRng(seed, 'conformance');
  const where = `view ${view.name}`;
  checkDescription(recorder, view, where);

  const selected = makeAllTraffic(rng).flatMap((one) => checkSelection(recorder, view, one, seed) ?? []);
  let isCarried = false;
  for (const given of [{}, ...parameters]) {
    const label = formatRequest(view.name, given);
    const carrier = recorder.attempt(declares, { parameters: label }, () =>
      demandDeclarations(view, resolveParameters(view.parameters, given, where)),
    );
    if (!carrier) continue;
    isCarried = true;
    checkRuns(recorder, subjectOf(label, [carrier]), selected, false);
  }
  if (isCarried) {
    await checkDrawnParameters(
      recorder,
      {
        ...{ name: view.name, parameters: view.parameters, where, sets },
        prepare: async (resolved) => subjectOf(view.name, [view.carry?.(resolved) ?? []].flat()),
        select: (trace) => view.select(trace, createRng(seed, 'view')),
      },
      rng,
    );
  }
  if (view.carry) for (const check of carrierChecks) recorder.skip(check, 'it carries packets in nothing');
  return recorder.finish('view', view.name);
}

/** Demands that what the view declares fits together, and returns its carrier, or null. */
function demandDeclarations(view: View, parameters: Readonly<Record<string, unknown>>): AppliedDefense | null {
  const { perDevice } = view;
  demand(typeof perDevice === 'boolean', `perDevice: expected true or false, found ${JSON.stringify(perDevice)}`);
  const carrier = view.carry?.(parameters) ?? null;
  const isTunnel = carrier?.defense.tunnel !== undefined;
  if (carrier) {
    const { name, prepare } = carrier.defense;
    demand(prepare === undefined, `carry: expected ${name} to need no training, found prepare()`);
    demand(!(perDevice && isTunnel), `carry: expected no tunnel before the gateway, found ${name}`);
    resolveParameters(carrier.defense.parameters, carrier.parameters, `carry: ${name}`);
  }
  const live = view.live?.(parameters) ?? null;
  const possible = isTunnel ? ['tunnel', null] : ['outside', null];
  const expected = isTunnel ? "'tunnel' or null for a tunnel" : "'outside' or null without a tunnel";
  demand(possible.includes(live), `live: expected ${expected}, found ${JSON.stringify(live)}`);
  demand(!(perDevice && live), `live: expected null before the gateway, found ${JSON.stringify(live)}`);
  return carrier;
}

/** Returns the traffic as it passes the view, or null if it cannot be selected. */
function checkSelection(recorder: Recorder, view: View, traffic: Traffic, seed: number): Traffic | null {
  const circumstances = { parameters: view.name, traffic: traffic.name, seed };
  const { trace } = traffic;
  const select = (from: Trace, rng: Rng = createRng(seed, 'view')) => view.select(from, rng);
  const before = structuredClone(trace);
  const selected = recorder.attempt(selects, circumstances, () => {
    const packets = select(trace);
    const column = firstDifference(before, trace);
    demand(column === null, `the trace that went in was changed: ${column}`);
    return packets;
  });
  if (!selected) return null;
  recorder.attempt(inventsNothing, circumstances, () => demandSubset(selected, before));
  recorder.attempt(selectsTheSame, circumstances, () => demandSame(selected, select(before), 'two runs with one seed'));
  recorder.attempt(readsNoLabels, circumstances, () => {
    const [device, cover] = [before.device.map(() => NO_DEVICE), before.cover.map(() => 0)];
    const unlabelled = select({ ...before, device, cover });
    demandSame(
      { ...selected, device: unlabelled.device, cover: unlabelled.cover },
      unlabelled,
      'with labels and without',
    );
  });
  return { ...traffic, trace: selected };
}

function demandSame(one: Trace, other: Trace, what: string): void {
  const column = firstDifference(one, other);
  demand(column === null, `${what} differ: ${column}`);
}

const KEPT_OF_FLOWS = ['transport', 'wan', 'header'] as const;

/** Demands that `selected` is a part of `trace`, its packets in their order. */
function demandSubset(selected: Trace, trace: Trace): void {
  demand(
    selected.devices.map(({ name }) => name).join('\n') === trace.devices.map(({ name }) => name).join('\n'),
    'the devices of the trace were changed',
  );
  demand(
    selected.flows.count === trace.flows.count,
    `expected ${trace.flows.count} flows, found ${selected.flows.count}`,
  );
  for (const name of KEPT_OF_FLOWS) {
    for (let flow = 0; flow < trace.flows.count; flow++) {
      const [was, is] = [trace.flows[name][flow], selected.flows[name][flow]];
      demand(was === is, `${name} of flow ${flow} was changed from ${was} to ${is}`);
    }
  }
  let next = 0;
  for (let row = 0; row < selected.packets; row++) {
    const isHere = () => TRACE_COLUMNS.names.every((name) => Object.is(selected[name][row], trace[name][next]));
    while (next < trace.packets && !isHere()) next++;
    demand(
      next < trace.packets,
      `packet ${row}, at ${selected.time[row]}, is none of the trace, or comes out of its order`,
    );
    next++;
  }
}
