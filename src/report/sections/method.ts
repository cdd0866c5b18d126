import type { Mix, ResolvedSpec, Result } from '../../result/result.js';
import { type Content, type Html, html } from '../kit/escape.js';
import { count, counted, listed, percent } from '../kit/format.js';

/** How the numbers came about, and what each word means: a number here should need no other page to be understood. */
export function renderMethod({ spec }: Result): Html {
  return html`<section aria-labelledby="method">
<h2 id="method">Method</h2>
<ol class="method">
<li><b>Split.</b> ${describeSplit(spec)} No window crosses the cut, so nothing in the test was seen in training.</li>
<li><b>Observer.</b> ${describeView(spec)} ${WINDOWS[spec.mix]} An attack sees ${counted(spec.window, 'packet')} at a time and names a device for each; of a packet it knows the ${
    spec.port === 'service' ? 'service port' : 'destination port'
  }, seven protocol bits, the direction, the frame length and the time since the packet before.</li>
<li><b>Adversaries.</b> ${listed(spec.adversaries)}. A <em>static</em> adversary is trained on undefended traffic; an <em>adaptive</em> one on traffic under the same defense, made with a different seed. The headline is the best attack of the stronger of the two: a defense that only works against an observer who does not know it is no defense, and one who knows it can still use what was learnt without it.</li>
<li><b>Score.</b> Real packets only. Cover packets are in the windows, since an observer sees them, but are not scored: each real packet gets the device that the attack finds most probable for it, cover left aside, so that a defense gets no credit for an attack that calls everything cover. How well cover is told apart is stated by itself.</li>
<li><b>Uncertainty.</b> ${counted(spec.seeds, 'seed')}, from ${spec.seed} on. Intervals cover 95 %, by a bootstrap over blocks of the test time and over seeds; with one seed they cover the choice of test time only. The best attack is chosen on the same test that it is scored on, which can only flatter the observer.</li>
<li><b>Checks.</b> Undefended identification must clearly beat the majority rate, or the run proves nothing; a constant-rate, constant-size tunnel must come out near the majority rate, or something leaks. A failed check is a warning at the top.</li>
${spec.live ? LIVE : SIMULATED}
</ol>
${renderDefinitions(spec.unknown !== undefined)}</section>
`;
}

const SIMULATED = html`<li><b>What a simulation leaves out.</b> Defenses act on recorded traffic: how applications and TCP would react to delay is not modelled.</li>`;
const LIVE = html`<li><b>What live traffic leaves out.</b> Applications say what a script has them say, over the sockets of one machine, without the round trips of the Internet, on a clock that may run faster than the world's.</li>`;

/** What each word of a report means. */
export function renderDefinitions(isOpen: boolean): Html {
  return html`<h3>Definitions</h3>
<dl class="definitions">
${definitions(isOpen).map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>\n`)}</dl>
`;
}

const WINDOWS: Record<Mix, string> = {
  home: 'Windows hold the packets of all devices, as they come.',
  single: 'Each window holds the packets of one device.',
  flow: 'Each window holds the packets of one flow: the observer separates flows by address and port.',
};

/** In an open world some words mean more, and there are others. */
function definitions(isOpen: boolean): readonly (readonly [string, Content])[] {
  if (!isOpen) return DEFINITIONS;
  const changed = new Map(OPEN_WORLD);
  const kept = DEFINITIONS.map(([term, meaning]) => [term, changed.get(term) ?? meaning] as const);
  return [...kept, ...OPEN_WORLD.filter(([term]) => !DEFINITIONS.some(([other]) => other === term))];
}

const OPEN_WORLD: readonly (readonly [string, Content])[] = [
  [
    'Accuracy',
    'Share of real packets of the test part that are answered rightly: with their device, or, for one that was held out, with “unknown”.',
  ],
  ['Chance', 'One divided by the number of answers: the known devices, and “unknown”.'],
  [
    'Majority',
    'Share of the device with most packets in the test part, or of the unknown devices together where that is more: the best that one and the same answer for all reaches.',
  ],
  [
    'AUROC',
    'Chance that a packet of a known device is named with more certainty than one of an unknown device (Hendrycks and Gimpel 2017). Certainty is the probability of the most probable device; where windows hold one device or flow, its mean over the window.',
  ],
  [
    'OSCR',
    'Area under the curve of the known devices’ packets that are named rightly against the unknown devices’ packets that are named at all, over all thresholds (Dhamija, Günther and Boult 2018).',
  ],
  [
    'False alarms',
    'Share of the known devices’ packets that is called unknown. The threshold aims at 10 %, on traffic of the training time.',
  ],
];

const DEFINITIONS: readonly (readonly [string, Content])[] = [
  ['Accuracy', 'Share of real packets of the test part whose device is named correctly.'],
  ['Recall', 'Of one device: share of its packets that are given to it.'],
  ['Precision', 'Of one device: share of the packets given to it that are its own. Not defined where none is.'],
  [
    'Balanced accuracy',
    'Mean recall over the devices that have packets in the test part: each counts the same, however much it sends.',
  ],
  [
    'Macro-F1',
    'Mean over the same devices of the harmonic mean of precision and recall; a precision that is not defined counts as 0.',
  ],
  [
    'Confusion',
    'Of one device: share of its packets that are given to each device, over all seeds. What is given to none is in no column, so a row may add up to less than 100 %.',
  ],
  ['Chance', 'One divided by the number of devices: blind guessing.'],
  [
    'Majority',
    'Share of the device with most packets in the test part: the best that one and the same answer for all reaches. A defense that cuts, merges or loses packets changes it, so each has its own; lines and rows that name none are of the traffic without defense.',
  ],
  [
    'Drop',
    'Accuracy without defense less that under the defense, each against its own best attack. Its interval resamples the same stretches of the test time, and the same seeds, of both.',
  ],
  [
    'Upper bound',
    'One less the Bayes error that the nearest neighbour allows for (Cover and Hart 1967; Cherubin 2017), the highest of three: of what a packet shows, that with two neighbours on either side, that with means and deviations over its window. It bounds classifiers over any one of these, not over all of a window. An estimate from up to 10,000 packets to learn from and 1,000 to ask of; it comes out too low where neighbours are still far, or where the home has changed.',
  ],
  [
    'Bits',
    'Mutual information between a feature of a real packet and its device, from a histogram of at most 64 bins, corrected for the number of packets (Miller 1955) and for what shuffled labels give. Features overlap, so their bits do not add up.',
  ],
  [
    'Cover told',
    'Area under the ROC curve of a random forest trained to tell cover from real packets, each seen with two neighbours on either side: 0.5 is guessing, 1 is always right.',
  ],
  [
    'Presence',
    'A device is active in an hour of the clock in which it has a real packet. It is called so where at least 10 packets of the hour are given to it with a probability of at least a half, and more than twice as many as the mistakes of other hours would give it.',
  ],
  [
    'Bandwidth overhead',
    'Bytes on the wire with the defense over those without, less one; both directions, cover traffic after the last real packet included. The same with packets is the packet overhead.',
  ],
  [
    'MB a day, GB a month',
    'Bytes added a day in units of 1,000,000, and in a month of 30.44 days in units of 1,000,000,000, at the rate of this trace.',
  ],
  [
    'Hour of video',
    'High-definition video at 3 GB an hour, the most that Netflix states for it: a measure that most households know.',
  ],
  ['Added delay', 'Per real packet, from its arrival at the shaper to its last byte sent.'],
  ['Duration ratio', 'Time from the first to the last packet with the defense over that without.'],
  ['Packets lost', 'Real packets that the defense or its link gave up.'],
  [
    'Pareto',
    'No other defense of this run is at least as good in accuracy, bandwidth overhead and added delay, and better in one.',
  ],
  [
    'Single attack chosen',
    'The chooser shows one attack or one adversary in place of the best. Its bars are the interval of the run where that has one; else they go from the lowest end of the seeds’ own intervals to the highest, which is wider.',
  ],
  ['n/a', 'Not available: the quantity is not defined, or was not asked for. It is never written as 0.'],
];

function describeSplit({ split }: ResolvedSpec): string {
  if (split.by === 'paths') return 'Training and test captures were given apart.';
  const share = split.train === null ? 'earlier part' : `first ${percent(split.train)}`;
  if (split.by === 'file') return `By file: the ${share} of the files of each device to train, the rest to test.`;
  return `By time: the ${share} of the packets to train, the rest to test.`;
}

const VIEWS: Readonly<Record<string, string>> = {
  lan: 'View lan: the observer sees MAC addresses, so each device is a stream of its own.',
  napt: 'View napt: the observer sees only what crosses the gateway, all devices behind one address.',
  vpn: 'View vpn: the observer sees one tunnel, with constant ports and padded blocks.',
};

function describeView({ view, capacity }: ResolvedSpec): string {
  const text = Object.hasOwn(VIEWS, view.name) ? VIEWS[view.name]! : `View ${view.name}.`;
  return capacity === null ? text : `${text} The link behind the defense carries ${count(capacity / 1000)} kbit/s.`;
}
