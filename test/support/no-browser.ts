import { findBrowser } from '../../src/noise/engine-browser.js';
import type { Lack } from './needs.js';

/** The lack of a browser for engine `browser`. */
export function noBrowser(): Lack {
  try {
    findBrowser();
    return null;
  } catch {
    return 'no Chromium';
  }
}
