/** The tunnel of the vpn view as a defense: under the view napt it gives exactly what the view vpn shows. */
export { tunnelDefense as default } from '../src/shaping/kit/tunnel.js';
