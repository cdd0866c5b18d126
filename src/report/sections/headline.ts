import { type Mix, type Result, type SummaryRow, UNKNOWN } from '../../result/result.js';
import { breakable, type Html, html } from '../kit/escape.js';
import { counted, duration, isNumber, percent, percentage } from '../kit/format.js';
import { readsAddresses, strongestDefense, undefendedRow } from '../reading.js';

/** The result of the run in one sentence, and its uncertainty in a second. */
export function renderHeadline(result: Result): Html {
  const none = undefendedRow(result);
  const best = strongestDefense(result);
  if (!best) {
    if (!none) return html`<p class="headline">This result has no cells: nothing was measured.</p>`;
    return html`<p class="headline">Without any defense, an observer names the right device for <strong>${percent(none.accuracy.mean)}</strong> of packets (${rates(none)}).${unread(none)}</p>
${renderUncertainty([['without defense', none]], null)}`;
  }
  const helps = none === null || best.accuracy.mean < none.accuracy.mean;
  const subject = helps ? `${observer(best)} names` : `${observer(best)} still names`;
  return html`<p class="headline">${helps ? '' : 'No defense in this run helps. '}${subject} the right device for <strong>${percent(best.accuracy.mean)}</strong> of packets with <code>${breakable(best.defense)}</code>${none ? `, against ${percent(none.accuracy.mean)} without defense` : ''} (${rates(best, none)}), ${price(best)}.${unread(best)}</p>
${renderUncertainty(
  none
    ? [
        ['with it', best],
        ['without', none],
      ]
    : [['with it', best]],
  none && best,
)}`;
}

/** Says what is left to an observer who reads no addresses, where the best attack reads them. */
function unread(row: SummaryRow): Html {
  if (!readsAddresses(row) || !row.withoutAddresses) return html``;
  const { attack, accuracy } = row.withoutAddresses;
  return html` Without reading remote addresses the best attack, <code>${breakable(attack)}</code>, names ${percent(accuracy.mean)}.`;
}

function observer(row: SummaryRow): string {
  return row.adversary === 'adaptive'
    ? 'An observer who knows the defense'
    : 'An observer who has only seen undefended traffic';
}

/** @param none the row without defense; both majorities are named if the defense changes the majority */
export function rates(row: SummaryRow, none: SummaryRow | null = null): string {
  const [majority, without] = [percent(row.majority), percent(none?.majority ?? row.majority)];
  const other = majority === without ? '' : ` with it, ${without} without`;
  return `chance ${percent(row.chance)}, majority ${majority}${other}`;
}

export function price({ bandwidthOverhead: traffic, addedDelayP95: delay }: SummaryRow): string {
  const parts: string[] = [];
  if (!isNumber(traffic)) parts.push('an amount of extra traffic that is not defined');
  else if (traffic === 0) parts.push('no extra traffic');
  else parts.push(`${percent(Math.abs(traffic))} ${traffic > 0 ? 'more' : 'less'} traffic`);
  if (isNumber(delay) && delay > 0) parts.push(`${duration(delay)} more delay (95th percentile)`);
  return `for ${parts.join(' and ')}`;
}

/** @param compared the row whose drop is described */
function renderUncertainty(named: readonly (readonly [string, SummaryRow])[], compared: SummaryRow | null): Html {
  const known = named.filter(([, { accuracy }]) => accuracy.low !== null && accuracy.high !== null);
  if (known.length < named.length) {
    return html`<p class="uncertainty">This run is too small for an interval; take the numbers as a first look.</p>`;
  }
  const intervals = known.map(
    ([name, { accuracy }]) => `${percent(accuracy.low)} to ${percent(accuracy.high)} ${name}`,
  );
  return html`<p class="uncertainty">95 % ${intervals.length > 1 ? 'intervals' : 'interval'}: ${intervals.join(', ')}${describeDrop(compared, known)}</p>`;
}

/** The uncertainty of the difference: by the interval of the drop if there is one, else by whether the two intervals overlap. */
function describeDrop(compared: SummaryRow | null, known: readonly (readonly [string, SummaryRow])[]): string {
  const { dropLow, dropHigh } = compared ?? {};
  if (isNumber(dropLow) && isNumber(dropHigh)) {
    const unsure = dropLow <= 0 && dropHigh >= 0;
    return `; the drop is ${percentage(dropLow)} to ${percentage(dropHigh)} percentage points.${unsure ? ' That includes 0, so the difference may be chance.' : ''}`;
  }
  const [a, b] = known.map(([, { accuracy }]) => accuracy);
  const overlap = b !== undefined && a!.low! <= b.high! && b.low! <= a!.high!;
  return overlap ? '. The two overlap, so the difference may be chance.' : '.';
}

const STREAMS: Record<Mix, string> = {
  home: 'all devices in one stream',
  single: 'one device at a time',
  flow: 'flow by flow',
  remote: 'one remote host at a time',
};

/** The measurement in a line: view, devices, packets, attacks, defenses, seeds. */
export function renderFacts({ spec, dataset, summary, cells }: Result): Html {
  const named = cells.flatMap(({ identification, openWorld }) => [
    ...Object.keys(identification.perDevice).filter((name) => !openWorld || name !== UNKNOWN),
    ...Object.keys(openWorld?.perUnknown ?? {}),
  ]);
  const devices = new Set(named).size;
  const facts = [
    `${spec.view.label} view`,
    ...(spec.live ? ['live'] : []),
    STREAMS[spec.mix],
    counted(devices, 'device'),
    ...(spec.unknown === undefined ? [] : ['open world']),
    counted(dataset.packets, 'packet'),
    counted(spec.attacks.length, 'attack'),
    counted(summary.length, 'defense'),
    counted(spec.seeds, 'seed'),
  ];
  return html`<ul class="facts">${facts.map((fact) => html`<li>${fact}</li>`)}</ul>`;
}
