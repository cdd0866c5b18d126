import type { Result } from '../../result/result.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { fixed, isNumber, listed, percentage } from '../kit/format.js';
import { orReason, renderTable } from '../kit/table.js';
import { meanMetrics } from '../reading.js';

const NOT_MEASURED = 'not measured for this defense';

/** Leakage that no attack has to exploit: accuracy bound, information by feature, detection of cover. */
export function renderBounds(result: Result): Html {
  const { metrics = [], summary } = result;
  if (metrics.length === 0) return html``;
  const features = [...new Set(metrics.flatMap(({ mutualInformation }) => Object.keys(mutualInformation)))];
  const beaten = summary.filter((row) => {
    const { accuracyBound } = meanMetrics(result, row);
    return isNumber(accuracyBound) && row.accuracy.mean > accuracyBound;
  });
  const rows = summary.map((row): Content[] => {
    const { accuracyBound, deviceEntropy, bits, coverAuc } = meanMetrics(result, row);
    return [
      breakable(row.defense),
      percentage(row.accuracy.mean),
      orReason(percentage(accuracyBound), NOT_MEASURED),
      ...features.map((feature) => orReason(fixed(bits(feature), 2), NOT_MEASURED)),
      orReason(fixed(deviceEntropy, 2), NOT_MEASURED),
      orReason(fixed(coverAuc, 2), 'there is no cover traffic'),
    ];
  });
  return html`<section aria-labelledby="bounds">
<h2 id="bounds">What any classifier could learn</h2>
<p>A defense that beats our attacks may fall to a better one. The upper bound estimates the accuracy that no classifier can exceed if it knows the packet, its neighbours, or a summary of its window. Bits measure how much each feature of a packet, by itself, reveals about its device. The last column of bits is the amount needed to be certain.</p>
${beaten.length > 0 ? html`<p class="notice"><strong>Bound too low.</strong> An attack does better than the estimated bound with ${listed(beaten.map((row) => row.defense))}: it uses more of a window than the bound allows for, or there are too few packets for the estimate.</p>` : ''}
${renderTable(
  'What any classifier could learn',
  'Best attack and upper bound: share of real packets, in percent. Features: bits of information about the device, 0 for none. Cover detected: how well a forest separates cover from real packets, 0.5 for guessing, 1 for always right. Means over seeds.',
  [
    { title: 'Defense' },
    { title: 'Best attack\u00A0%', numeric: true },
    { title: 'Upper bound\u00A0%', numeric: true },
    ...features.map((feature) => ({ title: html`${breakable(feature)}, bits`, numeric: true })),
    { title: 'Needed, bits', numeric: true },
    { title: 'Cover detected', numeric: true },
  ],
  rows,
)}
</section>
`;
}
