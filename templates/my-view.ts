import { defineDefense, defineView, outsideGateway, sendFragments } from 'homeveil/plugin';
import { z } from 'zod';

/**
 * The link behind the gateway tags each frame with a VLAN (IEEE 802.1Q): 4 bytes more, and the same MTU. Replace this with your link, its
 * units and its known limits. What a view may do, and what it must, is in docs/writing-a-view.md.
 */
const vlan = defineDefense({
  name: 'vlan',
  summary: 'Adds a VLAN tag to each frame.',
  source: 'IEEE 802.1Q',
  scope: 'home',
  removedAt: 'gateway',
  // A full frame becomes longer than on Ethernet without tags.
  exceedsMtu: true,
  parameters: z.object({
    bytes: z.int().min(0).max(64).default(4).describe('bytes added to each frame'),
    mtu: z.int().min(576).max(9000).default(1500).describe('longest IP packet in bytes; a longer one is cut in two'),
  }),
  create: ({ bytes, mtu }) => ({
    packet(p, link) {
      sendFragments(p, link, mtu, (inner) => p.header + bytes + inner);
    },
  }),
});

export default defineView({
  name: 'my-view',
  summary: 'Outside the gateway, where each frame has a VLAN tag.',
  // Paper, standard or "our choice".
  source: 'our choice, an example',
  // From these come the notation my-view:bytes=8, its error messages, and what `homeveil list` says.
  parameters: vlan.parameters,
  // True for an observer in the home, who sees the MAC address of each device.
  perDevice: false,
  /** Only what crosses the gateway, all from one address. `filterPackets` and `trace.flows` select by anything else. */
  select: outsideGateway,
  /** Carries the packets on this link: a defense that takes no training. Leave it out if packets pass as they are. */
  carry: (parameters) => ({ defense: vlan, parameters }),
});
