/**
 * The colours of a report, as CSS custom properties. Page and charts share them, so both follow the reader's light or dark setting.
 * Shape or text always repeats the meaning of the one accent colour.
 */
export const LIGHT = {
  paper: '#ffffff',
  surface: '#f4f6f8',
  ink: '#1a232e',
  muted: '#525f6d',
  line: '#d3dae1',
  accent: '#0a6689',
  notice: '#7d4400',
  noticeSurface: '#fdf3e3',
} as const;

type ColorName = keyof typeof LIGHT;
export type Colors = Readonly<Record<ColorName, string>>;

export const DARK: Colors = {
  paper: '#12171c',
  surface: '#1b222a',
  ink: '#e5eaef',
  muted: '#a5b1bd',
  line: '#35404b',
  accent: '#63c3e8',
  notice: '#f2b968',
  noticeSurface: '#2b2113',
};

/** Colours of a chart in a page. */
export const PAGE_COLORS: Colors = Object.fromEntries(
  Object.keys(LIGHT).map((name) => [name, `var(${propertyName(name)})`]),
) as Record<ColorName, string>;

/** Number of steps of the heat map: 0 to 100 % in tens. */
export const HEAT_STEPS = 11;

/** The step of the heat map for a share in [0, 1]. */
export function heatStep(share: number): number {
  return Math.min(HEAT_STEPS - 1, Math.max(0, Math.round(share * (HEAT_STEPS - 1))));
}

/** Background and text colour of each step of the heat map, from surface to accent, with the more readable text colour. */
export function heatColors(colors: Colors): { readonly fill: string; readonly text: string }[] {
  return Array.from({ length: HEAT_STEPS }, (_, step) => {
    const fill = mix(colors.surface, colors.accent, step / (HEAT_STEPS - 1));
    // Softer colours than black and white would fail AA in the middle of the scale.
    const text = contrast(fill, '#000000') >= contrast(fill, '#ffffff') ? '#000000' : '#ffffff';
    return { fill, text };
  });
}

/** Contrast ratio of two `#rrggbb` colours, 1 to 21: WCAG 2.2, "contrast ratio". */
export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance of a `#rrggbb` colour: WCAG 2.2, "relative luminance". */
function luminance(color: string): number {
  const [r, g, b] = channels(color).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function mix(from: string, to: string, share: number): string {
  const end = channels(to);
  const mixed = channels(from).map((channel, i) => Math.round(channel + (end[i]! - channel) * share));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}

/** The declarations of all colours, for a rule of the style sheet. */
export function colorDeclarations(colors: Colors): string {
  const plain = Object.entries(colors).map(([name, value]) => `${propertyName(name)}:${value};`);
  const heat = heatColors(colors).map(({ fill, text }, step) => `--heat-${step}:${fill};--heat-text-${step}:${text};`);
  return [...plain, ...heat].join('');
}

function propertyName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
