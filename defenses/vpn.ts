import { tunnelDefense } from '../src/shaping/tunnel.js';

/** The tunnel of the vpn view as a defense: under the view napt it gives exactly what the view vpn shows. */
export default tunnelDefense;
