import { UsageError } from '../../shared/errors.js';

/** Default pixels per unit of the SVG: sharp in print at half the width of a page. */
export const DEFAULT_SCALE = 2;

/** Default resolution of SVG in dots per inch: one pixel per unit. */
const DOTS_PER_INCH = 72;

/**
 * Renders a figure as PNG.
 * @param scale pixels per unit of the SVG
 * @throws UsageError if the optional package sharp is not installed
 */
export async function renderPng(svg: string, scale = DEFAULT_SCALE): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(Buffer.from(svg), { density: DOTS_PER_INCH * scale })
    .png({ compressionLevel: 9, palette: true })
    .toBuffer();
}

/** The used part of sharp, since its types are missing where the optional package is not installed. */
type Sharp = (
  input: Uint8Array,
  options: { density: number },
) => { png(options: { compressionLevel: number; palette: boolean }): { toBuffer(): Promise<Uint8Array> } };

/** Loads the optional package, which only PNG needs. */
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
