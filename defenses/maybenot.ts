import { z } from 'zod';
import { createPast, type Past } from '../src/shaping/kit/past.js';
import { createEnds, type Ends, type Wire } from '../src/shaping/maybenot/ends.js';
import type { Machine } from '../src/shaping/maybenot/machine.js';
import { EPHEMERAL_PADDING } from '../src/shaping/maybenot/published.js';
import { decodeMachine, readMachines } from '../src/shaping/maybenot/serialized.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { bytes, integer, seconds, share } from '../src/shared/units.js';
import { LARGEST_FRAME } from '../src/trace/trace.js';

/** Smallest `size` in bytes. */
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
    maxPaddingFraction: share(
      0.5,
      'of its packets that an end sends as padding at most, beyond what a machine is allowed on its own; 0 for no limit',
    ),
    maxBlockingFraction: share(
      0,
      'of the time that an end is blocked at most, beyond what a machine is allowed on its own; 0 for no limit',
    ),
    size: bytes(
      [0, LARGEST_FRAME],
      0,
      'of every frame, by padding; 0: padding frames have lengths of past packets, the others stay',
    ),
    rate: integer(
      [1, 2000],
      1000,
      'timers of machines that may expire at an end, per second and at one moment; others wait, which bounds runaway machines',
    ),
    drain: seconds(
      [0, 10],
      5,
      'that machines still run when the traffic has ended, while packets wait; then those leave at once',
    ),
  })
  .refine(({ size }) => size === 0 || size >= SMALLEST_SIZE, {
    path: ['size'],
    error: `expected 0 or at least ${SMALLEST_SIZE}`,
  });

type Parameters = z.output<typeof parameters>;

/** Machines of the far end, which sends inbound traffic, and of the home. */
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

/** Padding looks like a recent packet of its direction; where `size` is not 0 all frames have that length. */
function createWire(size: number): Wire & { remember: Past['remember'] } {
  const past = createPast();
  return {
    remember: past.remember,
    packet: (p, link) => link.send(p, Math.max(p.length, size)),
    padding(direction, link) {
      // Null before any packet short enough to copy has passed.
      const like = past.draw(direction, link.rng);
      link.cover(direction, size === 0 ? (like?.length ?? LARGEST_FRAME) : size, like ?? undefined);
    },
  };
}

/** Machines of the home act on outbound traffic, those of the far end on inbound; each end sees the other's frames as they pass. */
export default defineDefense({
  name: 'maybenot',
  summary: 'Runs Maybenot state machines, at home and at the far end of a tunnel, that add padding and block traffic.',
  source: 'Pulls and Witwer, WPES 2023; crate maybenot 2.2; built-in machines: maybenot-cli, PoPETs 2026',
  scope: ['home', 'device'],
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
