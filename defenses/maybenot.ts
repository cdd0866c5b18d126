import { z } from 'zod';
import { createPast, type Past } from '../src/shaping/kit/past.js';
import { createEnds, type Ends, type Wire } from '../src/shaping/maybenot/ends.js';
import type { Machine } from '../src/shaping/maybenot/machine.js';
import { EPHEMERAL_PADDING } from '../src/shaping/maybenot/published.js';
import { decodeMachine, readMachines } from '../src/shaping/maybenot/serialized.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { LARGEST_FRAME } from '../src/trace/trace.js';

/** Frame lengths in bytes. */
const SMALLEST_SIZE = 64;

const parameters = z
  .object({
    machines: z
      .string()
      .default('')
      .describe(
        'path of a file with the machines of the home, one serialised machine (02...) a line; or the word none; empty for a built-in pair',
      ),
    server: z
      .string()
      .default('')
      .describe('the same for the far end; empty for that of the built-in pair, or for none where machines is given'),
    per: z.enum(['home', 'device']).default('home').describe('machines run once for the home, or for each device'),
    maxPaddingFraction: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        'most padding an end sends, as a share of its packets, beyond what a machine is allowed on its own; 0 for no limit',
      ),
    maxBlockingFraction: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        'most an end is blocked, as a share of the time, beyond what a machine is allowed on its own; 0 for no limit',
      ),
    size: z
      .int()
      .min(0)
      .max(LARGEST_FRAME)
      .default(0)
      .describe(
        'all frames are padded to so many bytes; 0: padding frames have lengths of past packets, the others stay',
      ),
    rate: z
      .int()
      .min(1)
      .max(2000)
      .default(1000)
      .describe(
        'timers of machines that may run out at an end, per second and at one moment; others wait, which bounds machines gone wild',
      ),
    drain: z
      .number()
      .min(0)
      .max(10)
      .default(5)
      .describe(
        'seconds that machines still run when the traffic has ended, while packets wait; then those leave at once',
      ),
  })
  .refine(({ size }) => size === 0 || size >= SMALLEST_SIZE, {
    path: ['size'],
    error: `expected 0 or at least ${SMALLEST_SIZE}`,
  });

type Parameters = z.output<typeof parameters>;

/** Of the far end, which sends what is inbound, and of the home. */
type Machines = readonly [inbound: readonly Machine[], outbound: readonly Machine[]];

const builtIn = (texts: readonly string[]): Machine[] => texts.map((text) => decodeMachine(text, 'built-in machine'));
const fromFile = (path: string): Machine[] => (path === '' || path === 'none' ? [] : readMachines(path));

function prepareMachines({ machines, server }: Parameters): Machines {
  const { client: home, server: far } = EPHEMERAL_PADDING;
  return [
    machines === '' && server === '' ? builtIn(far) : fromFile(server),
    machines === '' ? builtIn(home) : fromFile(machines),
  ];
}

/** Padding that looks like a packet of the recent past of its direction; with a `size`, that all frames share. */
function createWire(size: number): Wire & { remember: Past['remember'] } {
  const past = createPast();
  return {
    remember: past.remember,
    packet: (p, link) => link.send(p, Math.max(p.length, size)),
    padding(direction, link) {
      // None where all that has passed was longer than a frame can be.
      const like = past.draw(direction, link.rng);
      link.cover(direction, size === 0 ? (like?.length ?? LARGEST_FRAME) : size, like ?? undefined);
    },
  };
}

/**
 * Maybenot machines at both ends of a tunnel that the gateway begins: those of the home act on outbound traffic, those of the far end
 * on inbound traffic, and each end sees the other's frames as they pass. Machines come in the serialised form of Maybenot 2, as made by
 * its tools, so what was published or searched for there runs here.
 *
 * A simulation cannot show: the network between the ends takes no time here; packets are blocked, but whoever waits for them
 * sends what the capture says all the same; a tunnel that loses its order or its congestion window to blocking is not modelled.
 * Machines count packets, and take them for equally long, so without `size` only timing and number are defended. Padding copies a past packet,
 * flow and all; a tunnel behind it (`maybenot:size=1434+vpn`) is what machines are made for.
 *
 * The built-in pair pads at once and often; the limit of 0.5 for the framework, our choice, keeps it to one padding packet for each real
 * one, once it has sent the 47 (home) and 22 (far end) that it is allowed on its own.
 */
export default defineDefense({
  name: 'maybenot',
  summary: 'Runs Maybenot state machines, at home and at the far end of a tunnel, that add padding and block traffic.',
  source: 'Pulls and Witwer, WPES 2023; crate maybenot 2.2; built-in machines: maybenot-cli, PoPETs 2026',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  neutral: { machines: 'none' },
  prepare: prepareMachines,
  create({ size, drain, ...options }, machines: Machines) {
    const wire = createWire(size);
    let ends: Ends | null = null;
    let deadline = Number.POSITIVE_INFINITY;
    return {
      packet(p, link) {
        wire.remember(p);
        ends ??= createEnds(machines, options, wire, link.now, link.rng);
        ends.packet(p, link);
        link.wakeAt(ends.next);
      },
      wake(link) {
        if (link.now < deadline) ends!.advance(link);
        else ends!.release(link);
        const isOver = deadline < Number.POSITIVE_INFINITY && ends!.held === 0;
        link.wakeAt(isOver ? Number.POSITIVE_INFINITY : Math.min(ends!.next, deadline));
      },
      close(link) {
        deadline = link.now + drain;
        link.wakeAt(ends && ends.held > 0 ? Math.min(ends.next, deadline) : Number.POSITIVE_INFINITY);
      },
    };
  },
});
