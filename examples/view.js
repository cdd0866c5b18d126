// A view in one file: PPPoE between the home and its provider. Each frame has 8 bytes more, and an IP packet at most 1492 bytes.
//   node examples/view.js                                                           compares it with the view napt
//   homeveil bench --quick --plugin examples/view.js --view pppoe --defense none    uses it as a plug-in
import { defineDefense, defineView, outsideGateway, sendFragments } from 'homeveil/plugin';
import { z } from 'zod';

/** RFC 2516, section 4 and 7: a PPPoE header of 6 bytes and a PPP protocol field of 2, so an MTU of 1500 - 8. */
const HEADER = 8;
const MTU = 1500 - HEADER;

const parameters = z.object({});

const carrier = defineDefense({
  name: 'pppoe-link',
  summary: 'Adds the header of PPPoE to each frame and cuts IP packets to its MTU.',
  source: 'RFC 2516, sections 4 and 7',
  scope: 'home',
  removedAt: 'gateway',
  parameters,
  exceedsMtu: true,
  create: () => ({
    packet(p, link) {
      sendFragments(p, link, MTU, (inner) => p.header + HEADER + inner);
    },
  }),
});

const view = defineView({
  name: 'pppoe',
  summary: 'Outside the gateway, on a PPPoE link: 8 bytes more a frame, and an MTU of 1492.',
  source: 'RFC 2516',
  parameters,
  perDevice: false,
  select: outsideGateway,
  carry: () => ({ defense: carrier, parameters: {} }),
});

export default view;

if (process.argv[1] === import.meta.filename) {
  const { addPlugins, resolveSpec, runBench } = await import('homeveil');
  const plugins = addPlugins({ views: [view] });
  for (const name of ['napt', 'pppoe']) {
    const request = {
      hours: 0.5,
      view: name,
      attacks: ['random-forest:trees=10'],
      defenses: ['none'],
      adversaries: ['static'],
    };
    const { cells } = await runBench(resolveSpec(request, plugins), { plugins, threads: 1 });
    console.log(`${name}: ${(100 * cells[0].identification.accuracy).toFixed(1)} % of the packets named right`);
  }
}
