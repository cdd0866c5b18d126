import { findBrowser } from '../../../src/live/noise/engine-browser.js';
import type { Lack } from '../../support/needs.js';

/** The lack of a browser for engine `browser`. */
export function noBrowser(): Lack {
  try {
    findBrowser();
    return null;
  } catch {
    return 'no Chromium';
  }
}
