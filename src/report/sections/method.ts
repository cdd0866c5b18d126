import type { Mix, ResolvedSpec, Result } from '../../result/result.js';
import { type Content, type Html, html } from '../kit/escape.js';
import { count, counted, listed, percent } from '../kit/format.js';

/** The method, and the definition of each term, so that no other page is needed to understand a number. */
export function renderMethod({ spec }: Result): Html {
  return html`<section aria-labelledby="method">
<h2 id="method">Method</h2>
<ol class="method">
<li><b>Split.</b> ${describeSplit(spec)} No window crosses the cut, so no test packet was seen in training.</li>
<li><b>Observer.</b> ${describeView(spec)} ${WINDOWS[spec.mix]} An attack sees ${counted(spec.window, 'packet')} at a time and names a device for each. Of each packet it knows the ${
    spec.port === 'service' ? 'service port' : 'destination port'
  }, seven protocol bits, the direction, the frame length and the time since the previous packet.</li>
<li><b>Adversaries.</b> ${listed(spec.adversaries)}. A <em>static</em> adversary is trained on undefended traffic, an <em>adaptive</em> one on traffic under the same defense with a different seed. The headline is the best attack of the stronger of the two. A defense that only works against observers who do not know it is no defense. Observers who know it can still use what they learnt without it.</li>
<li><b>Score.</b> Only real packets are scored. Cover packets are in the windows, since an observer sees them, but are not scored. Each real packet gets its most probable device, never cover, so a defense gets no credit for an attack that calls everything cover. How well cover can be detected is a separate figure.</li>
<li><b>Uncertainty.</b> ${counted(spec.seeds, 'seed')}, from ${spec.seed} on. Intervals cover 95 %, by a bootstrap over blocks of the test time and over seeds. With one seed they cover only the choice of test time. The best attack is chosen on the same test part that it is scored on, which can only favour the observer.</li>
<li><b>Checks.</b> Undefended identification must clearly beat the majority rate, or the run proves nothing. A constant-rate, constant-size tunnel must come out near the majority rate, or something leaks. A failed check is a warning at the top of the page.</li>
${spec.live ? LIVE : SIMULATED}
</ol>
${renderDefinitions(spec.unknown !== undefined)}</section>
`;
}

const SIMULATED = html`<li><b>What a simulation leaves out.</b> Defenses act on recorded traffic. The reaction of applications and TCP to delay is not modelled.</li>`;
const LIVE = html`<li><b>What live traffic leaves out.</b> Applications follow a script, over the sockets of one machine. There are no round trips over the Internet, and the clock may run faster than real time.</li>`;

/** The definitions of the terms of a report. */
export function renderDefinitions(isOpen: boolean): Html {
  return html`<h3>Definitions</h3>
<dl class="definitions">
${definitions(isOpen).map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>\n`)}</dl>
`;
}

const WINDOWS: Record<Mix, string> = {
  home: 'Each window holds the packets of all devices, in order.',
  single: 'Each window holds the packets of one device.',
  flow: 'Each window holds the packets of one flow: the observer separates flows by address and port.',
  remote: 'Each window holds the packets that the home exchanges with one remote host.',
};

/** The definitions; an open world changes some terms and adds others. */
function definitions(isOpen: boolean): readonly (readonly [string, Content])[] {
  if (!isOpen) return DEFINITIONS;
  const changed = new Map(OPEN_WORLD);
  const kept = DEFINITIONS.map(([term, meaning]) => [term, changed.get(term) ?? meaning] as const);
  return [...kept, ...OPEN_WORLD.filter(([term]) => !DEFINITIONS.some(([other]) => other === term))];
}

const OPEN_WORLD: readonly (readonly [string, Content])[] = [
  [
    'Accuracy',
    'Share of real packets of the test part with the right answer: their device, or, for one that was held out, with “unknown”.',
  ],
  ['Chance', 'One divided by the number of answers: the known devices, and “unknown”.'],
  [
    'Majority',
    'Share of the device with most packets in the test part, or of all unknown devices if that is more. It is the best accuracy of a constant answer.',
  ],
  [
    'AUROC',
    'Probability that a packet of a known device is named with more certainty than one of an unknown device (Hendrycks and Gimpel 2017). Certainty is the probability of the most probable device, or its mean over the window if windows hold one device or flow.',
  ],
  [
    'OSCR',
    'Area under the curve of correctly named packets of known devices against named packets of unknown devices, over all thresholds (Dhamija, Günther and Boult 2018).',
  ],
  [
    'False alarms',
    'Share of the known devices’ packets that are called unknown. The threshold is set for 10 % of traffic from the training time.',
  ],
];

const DEFINITIONS: readonly (readonly [string, Content])[] = [
  ['Accuracy', 'Share of real packets of the test part whose device is named correctly.'],
  ['Recall', 'Share of a device’s packets that are attributed to it.'],
  [
    'Precision',
    'Share of the packets attributed to a device that are its own. Not defined if none is attributed to it.',
  ],
  [
    'Balanced accuracy',
    'Mean recall over the devices that have packets in the test part. Each counts the same, however much it sends.',
  ],
  [
    'Macro-F1',
    'Harmonic mean of precision and recall, averaged over the same devices. A precision that is not defined counts as 0.',
  ],
  [
    'Confusion',
    'Share of a device’s packets that are attributed to each device, over all seeds. Packets attributed to none are in no column, so a row may add up to less than 100 %.',
  ],
  ['Chance', 'One divided by the number of devices: blind guessing.'],
  [
    'Majority',
    'Share of the device with most packets in the test part, which is the best accuracy of a constant answer. A defense that splits, merges or loses packets changes it, so each has its own. Lines and rows that name no defense show it without defense.',
  ],
  [
    'Drop',
    'Accuracy without defense minus accuracy under the defense, each with its own best attack. Its interval resamples the same blocks of the test time, and the same seeds, of both.',
  ],
  [
    'Upper bound',
    'One minus the Bayes error that the nearest neighbour allows for (Cover and Hart 1967; Cherubin 2017). It is the highest over three sets of features: those of a packet, those with two neighbours on either side, those with means and deviations over its window. It bounds classifiers over any one of these sets, not over a whole window. It is estimated from up to 10,000 training packets and 1,000 test packets, and is too low if neighbours are far apart or the home has changed.',
  ],
  [
    'Bits',
    'Mutual information between a feature of a real packet and its device, from a histogram of at most 64 bins, corrected for the number of packets (Miller 1955) and for the value that shuffled labels give. Features overlap, so their bits do not add up.',
  ],
  [
    'Cover detected',
    'Area under the ROC curve of a random forest that separates cover from real packets, given two neighbours on either side: 0.5 is guessing, 1 is always right.',
  ],
  [
    'Presence',
    'A device is active in an hour of the clock if it has a real packet in it. The observer calls it active if at least 10 packets of the hour are attributed to it with a probability of at least one half, and more than twice as many as mistakes in other hours would suggest.',
  ],
  [
    'Bandwidth overhead',
    'Additional bytes on the wire, relative to those without defense. Both directions count, and cover traffic after the last real packet. Packet overhead is the same for packets.',
  ],
  [
    'MB a day, GB a month',
    'Bytes added per day in units of 1,000,000, and per month of 30.44 days in units of 1,000,000,000, at the rate of this trace.',
  ],
  ['Hour of video', 'High-definition video at 3 GB an hour, the highest rate that Netflix states.'],
  ['Added delay', 'Time of a real packet from its arrival at the shaper to its last byte sent.'],
  ['Duration ratio', 'Time from the first to the last packet with the defense, divided by that without.'],
  ['Packets lost', 'Real packets that the defense or its link dropped.'],
  [
    'Pareto',
    'No other defense of this run is at least as good in accuracy, bandwidth overhead and added delay, and better in one of them.',
  ],
  [
    'Single attack chosen',
    'The chooser shows one attack or one adversary in place of the best. Its bars are the interval of the run if there is one. Otherwise they span the intervals of all seeds, which is wider.',
  ],
  ['n/a', 'Not available: the quantity is not defined, or was not requested. It is never shown as 0.'],
];

function describeSplit({ split }: ResolvedSpec): string {
  if (split.by === 'paths') return 'Training and test captures were given separately.';
  const share = split.train === null ? 'earlier part' : `first ${percent(split.train)}`;
  if (split.by === 'file') return `By file: the ${share} of the files of each device to train, the rest to test.`;
  const gap = split.gap === undefined ? '' : ` from ${split.gap}\u00A0h after them`;
  return `By time: the ${share} of the packets to train, the rest${gap} to test.`;
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
