import { tunnelDefense, tunnelParameters } from '../src/shaping/kit/tunnel.js';
import { outsideGateway } from '../src/view/nat.js';
import { defineView } from '../src/view/view.js';

export default defineView({
  name: 'vpn',
  summary:
    'Outside the gateway, which sends all through one tunnel: only direction, time and length after encapsulation.',
  source: 'Dong et al., arXiv 1909.00104',
  parameters: tunnelParameters,
  perDevice: false,
  select: outsideGateway,
  carry: (parameters) => ({ defense: tunnelDefense, parameters }),
  live: ({ tunnel }) => (tunnel === 'wireguard' ? 'tunnel' : null),
});
