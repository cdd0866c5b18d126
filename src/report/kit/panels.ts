import { labelOf } from '../../result/label.js';
import type { Adversary, Result } from '../../result/result.js';
import { type Observed, type Observer, observe, observersOf } from '../observers.js';
import { breakable, type Content, type Html, html } from './escape.js';
import type { FigurePlace } from './figure.js';
import { createSpecs, type Specs } from './specs.js';

/**
 * Shows one of several contents at a time: that of one setting and one observer. The page has all of them, folded, so that it can be
 * read without a script. page-script.js adds the choosers and shows only the chosen content.
 */

/** The subject of a page: the run of a report, or the settings of a study. */
export interface Subject {
  readonly settings: readonly Setting[];
  /** Labels of the attacks of all settings. */
  readonly attacks: readonly string[];
  readonly adversaries: readonly Adversary[];
  readonly observers: readonly Observer[];
  readonly specs: Specs;
}

interface Setting {
  readonly label: string;
  readonly result: Result;
  /** The result as each observer sees it, the headline's first; the same objects for each section. */
  readonly observed: readonly Observed[];
}

export function subjectOf(runs: readonly Result[]): Subject {
  const distinct = <T>(of: (run: Result) => readonly T[]): T[] => [...new Set(runs.flatMap(of))];
  const attacks = distinct(({ spec }) => spec.attacks.map(({ label }) => label));
  const adversaries = distinct(({ spec }) => spec.adversaries);
  const observers = observersOf(attacks, adversaries);
  const settings = runs.map((result) => ({
    label: labelOf(result.spec),
    result,
    observed: observe(result, observers, attacks),
  }));
  return { settings, attacks, adversaries, observers, specs: createSpecs() };
}

/** The place of a content. The suffix of identifiers is '' for the default content, `-2-3` for setting 2 and observer 3. */
export interface Place extends FigurePlace {
  /** The name of the observer: `the best attack`, or `lstm, static adversary`. */
  readonly observer: string;
}

const BEST = 'the best attack';

type ContentOf = (result: Result, place: Place) => Html | null | Promise<Html | null>;

/** `content` for each setting, with a chooser; null if no setting has any. */
export async function renderBySetting(subject: Subject, content: ContentOf): Promise<Html | null> {
  return renderSettings(subject, [], (setting, suffix) =>
    content(setting.result, { suffix, specs: subject.specs, observer: BEST }),
  );
}

/** `content` for each setting and observer, with choosers; null if no setting has any. */
export async function renderByObserver(subject: Subject, content: ContentOf): Promise<Html | null> {
  const choosers = [...attackChooser(subject), ...adversaryChooser(subject)];
  return renderSettings(subject, choosers, async ({ observed }, suffix) => {
    const panels: Panel[] = [];
    for (const [i, { values, title, result }] of observed.entries()) {
      const end = i === 0 ? suffix : `${suffix}-${i + 1}`;
      const place = { suffix: end, specs: subject.specs, observer: i === 0 ? BEST : title };
      const inner = await content(result, place);
      if (inner) panels.push({ key: 'observer', values, title, content: inner });
    }
    return panels.length === 0 ? null : renderPanels(panels, subject.observers.length);
  });
}

async function renderSettings(
  subject: Subject,
  choosers: readonly Chooser[],
  contentOf: (setting: Setting, suffix: string) => Html | null | Promise<Html | null>,
): Promise<Html | null> {
  const panels: Panel[] = [];
  for (const [i, setting] of subject.settings.entries()) {
    const content = await contentOf(setting, i === 0 ? '' : `-${i + 1}`);
    if (content) panels.push({ key: 'setting', values: [String(i)], title: setting.label, content });
  }
  if (panels.length === 0) return null;
  return html`${renderChoosers([...settingChooser(subject), ...choosers])}${renderPanels(panels, subject.settings.length)}`;
}

export interface Panel {
  readonly key: 'setting' | 'observer' | 'defense';
  /** Chosen values that show the panel. */
  readonly values: readonly string[];
  readonly title: string;
  readonly content: Html;
}

/**
 * Renders the first panel open and the others folded under their titles. A single choice is not folded.
 * @param choices number of values that can be chosen
 */
export function renderPanels(panels: readonly Panel[], choices: number): Html {
  if (panels.length === 1 && panels[0]!.values.length >= choices) return panels[0]!.content;
  return html`<div class="panels">
${panels.map(
  (
    { key, values, title, content },
    i,
  ) => html`<details class="panel" data-key="${key}" data-values="${values.join(' ')}"${
    i === 0 ? html` open` : ''
  }><summary>${breakable(title)}</summary>
${content}</details>
`,
)}<p class="nothing" hidden>There is nothing to show for this choice.</p>
</div>
`;
}

export interface Chooser {
  readonly key: string;
  readonly label: string;
  readonly options: readonly (readonly [value: string, title: string])[];
}

const settingChooser = ({ settings }: Subject): Chooser[] => [
  { key: 'setting', label: 'Setting', options: settings.map(({ label }, i) => [String(i), label]) },
];

export const attackChooser = ({ attacks }: Subject): Chooser[] =>
  attacks.length < 2
    ? []
    : [
        {
          key: 'attack',
          label: 'Attack',
          options: [['best', 'the best for each defense'], ...attacks.map((attack, i) => [String(i), attack] as const)],
        },
      ];

export const adversaryChooser = ({ adversaries }: Subject): Chooser[] =>
  adversaries.length < 2
    ? []
    : [
        {
          key: 'adversary',
          label: 'Adversary',
          options: [['stronger', 'the stronger'], ...adversaries.map((one) => [one, one] as const)],
        },
      ];

/** Renders choosers, which are hidden until the script shows them. */
export function renderChoosers(choosers: readonly Chooser[]): Html {
  const shown = choosers.filter(({ options }) => options.length > 1);
  if (shown.length === 0) return html``;
  return html`<div class="choosers" role="group" aria-label="What is shown" hidden>
${shown.map(
  ({ key, label, options }) => html`<label>${label} <select data-key="${key}">${options.map(
    ([value, title]) => html`<option value="${value}">${title}</option>`,
  )}</select></label>
`,
)}</div>
`;
}

/** A section of the page; '' without content. */
export function renderSection(id: string, title: Content, intro: Content, content: Html | null): Html {
  if (!content) return html``;
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${intro}${content}</section>
`;
}
