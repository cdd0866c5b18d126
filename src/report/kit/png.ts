import { UsageError } from '../../shared/errors.js';

/** Pixels of a figure per unit of its SVG, unless asked otherwise: sharp in print at half a page's width. */
export const DEFAULT_SCALE = 2;

/** SVG is drawn at 72 dots an inch by default: one pixel a unit. */
const DOTS_PER_INCH = 72;

/**
 * A figure as PNG.
 * @param scale pixels per unit of the SVG
 * @throws UsageError where the optional package sharp is not installed
 */
export async function renderPng(svg: string, scale = DEFAULT_SCALE): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(Buffer.from(svg), { density: DOTS_PER_INCH * scale })
    .png({ compressionLevel: 9, palette: true })
    .toBuffer();
}

/** What is used of sharp: its own types are there only where it is installed, and the build does without it. */
type Sharp = (
  input: Uint8Array,
  options: { density: number },
) => { png(options: { compressionLevel: number; palette: boolean }): { toBuffer(): Promise<Uint8Array> } };

/** Loaded here, since it is optional: nothing but PNG needs it. */
async function loadSharp(): Promise<Sharp> {
  const name: string = 'sharp';
  try {
    return ((await import(name)) as { default: Sharp }).default;
  } catch (cause) {
    throw new UsageError('--format png: needs the optional package sharp, which does not load: npm install sharp', {
      cause,
    });
  }
}
