import { z } from 'zod';
import { type Defense, defineDefense, type Link, type PacketRef, type Shaper } from '../../src/shaping/shaper.js';
import type { ParameterSchema } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { Protocol } from '../../src/trace/trace.js';

/** A defense that does not keep its contract: which check finds it, and what that says. */
export type Broken = [what: string, check: string, message: RegExp, defense: Defense];

const forward = (p: PacketRef, link: Link) => link.send(p, p.length);
const forwarding = (): Shaper => ({ packet: forward });
const seconds = z.number().min(0).max(10).default(1).describe('seconds');

/** A sound defense but for what is given. */
function broken(
  create: Defense['create'] = forwarding,
  more: Partial<Defense> = {},
  shape: ParameterSchema['shape'] = {},
): Defense {
  return defineDefense({
    name: 'broken',
    summary: 'Breaks its contract.',
    source: 'a test',
    scope: 'home',
    removedAt: 'nowhere',
    parameters: z.object(shape),
    create,
    ...more,
  }) as Defense;
}

/** Forwards each packet, with a cover frame beside it. */
const covering = (cover: (p: PacketRef, link: Link) => void, more: Partial<Defense> = {}): Defense =>
  broken(
    () => ({
      packet(p, link) {
        forward(p, link);
        cover(p, link);
      },
    }),
    more,
  );

const changing = (change: (p: { -readonly [K in keyof PacketRef]: PacketRef[K] }) => void): Defense =>
  broken(() => ({
    packet(p, link) {
      change(p);
      forward(p, link);
    },
  }));

/** Sends all packets that came within a tenth of a second, the last first. */
function reversing(): Shaper {
  let held: PacketRef[] = [];
  return {
    packet(p, link) {
      if (held.length === 0) link.wakeAt(link.now + 0.1);
      held.push(p);
    },
    wake(link) {
      for (const p of held.reverse()) forward(p, link);
      held = [];
    },
  };
}

let sentEver = 0;

export const brokenDefenses: readonly Broken[] = [
  ['a name with a blank', 'describes-itself', /^name: .*"my defense"$/, broken(forwarding, { name: 'my defense' })],
  ['no source', 'describes-itself', /^source: /, broken(forwarding, { source: '' })],
  [
    'a parameter without a default',
    'describes-itself',
    /^parameter delay: expected a default/,
    broken(forwarding, {}, { delay: z.number().min(0).max(1).describe('seconds') }),
  ],
  [
    'a parameter that no command line can give',
    'describes-itself',
    /^parameter delays: expected a number, a text, a boolean or a list of these/,
    broken(forwarding, {}, { delays: z.record(z.string(), z.number()).default({}).describe('seconds') }),
  ],
  [
    'a parameter without a description',
    'describes-itself',
    /^parameter delay: expected a description/,
    broken(forwarding, {}, { delay: z.number().min(0).max(1).default(0) }),
  ],
  [
    'a number without an end',
    'bounds-its-numbers',
    /^parameter delay: expected a largest value/,
    broken(forwarding, {}, { delay: z.number().min(0).default(0).describe('seconds') }),
  ],
  [
    'a number without a beginning',
    'bounds-its-numbers',
    /^parameter bytes: expected a smallest value/,
    broken(forwarding, {}, { bytes: z.int().max(5).default(0).describe('bytes') }),
  ],
  [
    'bounds that do not hold',
    'bounds-its-numbers',
    /^parameter delay: expected -0.000001 to be refused, it was not$/,
    broken(forwarding, {}, { delay: z.number().min(0).max(1).catch(0).default(0).describe('seconds') }),
  ],
  ['an unknown scope', 'declares-itself', /^scope: .*"router"$/, broken(forwarding, { scope: 'router' as never })],
  ['an unknown place', 'declares-itself', /^removedAt: /, broken(forwarding, { removedAt: 'cloud' as never })],
  [
    'neutral parameters that are refused',
    'declares-itself',
    /^defense broken: delay: too big/,
    broken(forwarding, { neutral: { delay: 20 } }, { delay: seconds }),
  ],
  [
    'a prepare that changes the training traffic',
    'prepares',
    /^the training traffic was changed: length of packet 0/,
    broken(forwarding, {
      prepare: (_, { trace }) => {
        if (trace) trace.length[0]!++;
      },
    }),
  ],
  [
    'a prepare that cannot do without training traffic',
    'prepares',
    /^TypeError: .*\(broken-defenses/,
    broken(forwarding, { prepare: (_, { trace }) => trace!.packets }),
  ],
  [
    'a prepare that refuses the defaults',
    'runs-to-its-end',
    /^Error: no file/,
    broken(forwarding, {
      prepare: () => {
        throw new Error('no file');
      },
    }),
  ],
  [
    'a packet that is sent twice',
    'runs-to-its-end',
    /^defense broken: sent packet 0, of which nothing was left/,
    covering(forward),
  ],
  ['packets that are kept', 'runs-to-its-end', /neither sent nor dropped/, broken(() => ({ packet: () => {} }))],
  [
    'an exception',
    'runs-to-its-end',
    /^TypeError: .*\(broken-defenses\.ts:\d+:\d+\)$/,
    broken(() => ({ packet: (_, link) => (link as never as { sent: { push(): void } }).sent.push() })),
  ],
  [
    'a timer that never stops',
    'runs-to-its-end',
    /woke 100000 times in a row after the input had ended/,
    broken(() => ({
      packet(p, link) {
        forward(p, link);
        link.wakeAt(link.now + 1);
      },
      wake: (link) => link.wakeAt(link.now + 1),
    })),
  ],
  [
    'more frames than anyone can wait for',
    'runs-to-its-end',
    /sent more than 2000000 frames/,
    covering((p, link) => {
      for (let i = 0; i < 1e5; i++) link.cover(p.direction, p.length);
    }),
  ],
  [
    'chance of its own',
    'same-for-the-same-seed',
    /^two runs with one seed differ: length/,
    broken(() => ({ packet: (p, link) => link.send(p, p.length + Math.floor(1000 * Math.random())) })),
  ],
  [
    'memory from one run to the next',
    'same-for-the-same-seed',
    /^two runs with one seed differ: length of packet 0/,
    broken(() => ({ packet: (p, link) => link.send(p, p.length + (sentEver++ % 1000)) })),
  ],
  ['packets in reverse', 'keeps-the-order-of-flows', /was delivered before an earlier one/, broken(reversing)],
  [
    'a packet turned round',
    'conserves-bytes',
    /^frame 0 turned packet 0 round$/,
    changing((p) => {
      p.direction = p.direction === 0 ? 1 : 0;
    }),
  ],
  [
    'a packet with another port',
    'looks-like-its-packets',
    /^frame 0 has flow, port and protocols of no packet/,
    changing((p) => {
      p.port++;
    }),
  ],
  [
    'cover of a flow that there is not',
    'opens-sound-flows',
    /there is no flow 999/,
    covering((p, link) => link.cover(p.direction, p.length, { ...p, flow: 999 })),
  ],
  [
    'cover of a device that there is not',
    'opens-sound-flows',
    /there is no device 99/,
    covering((p, link) => link.cover(p.direction, p.length, { ...p, device: 99 })),
  ],
  [
    'cover with a port that is not of its flow',
    'opens-sound-flows',
    /is cover with port 9 in a flow to \d+/,
    covering((p, link) => link.cover(p.direction, p.length, { ...p, port: 9 }), { separableCover: true }),
  ],
  [
    'cover with a transport that is not of its flow',
    'opens-sound-flows',
    /is cover with protocols 3 in a flow of IP protocol 17/,
    covering(
      (p, link) => {
        const flow = link.openFlow({ transport: 17, remoteAddress: '192.0.2.9', remotePort: 443 });
        link.cover(p.direction, p.length, {
          flow,
          port: 443,
          protocols: Protocol.IP | Protocol.TCP,
          device: p.device,
        });
      },
      { separableCover: true },
    ),
  ],
  [
    'frames over the MTU',
    'keeps-to-the-mtu',
    /^frame 0 has 1600 bytes$/,
    broken(() => ({ packet: (p, link) => link.send(p, Math.max(1600, p.length)) })),
  ],
  [
    'neutral parameters that change something',
    'changes-nothing-where-neutral',
    /^the packets were changed: length of packet 0/,
    broken(() => ({ packet: (p, link) => link.send(p, p.length + 1) }), { neutral: {} }),
  ],
  [
    'a seed of its own',
    'other-for-another-seed',
    /same frames for seeds 1 to 4/,
    broken(() => {
      const own = createRng(42);
      return {
        packet: (p, link) => link.send(p, p.length + own.integer(0, Math.min(9, 9 + Math.floor(link.rng.uniform())))),
      };
    }),
  ],
  [
    'cover with a mark',
    'hides-its-cover',
    /^100 % of the cover has 1337 bytes, no other frame has$/,
    covering((p, link) => link.cover(p.direction, 1337)),
  ],
  [
    'cover of lengths that nothing else has',
    'hides-its-cover',
    /% of the cover is of lengths near which no other frame is/,
    covering((p, link) => link.cover(p.direction, link.rng.integer(200, 1514))),
  ],
  [
    'cover in flows of its own that are not declared',
    'hides-its-cover',
    /^frame \d+ is cover with flow \d+, port 443 .*: no packet that came in has these$/,
    covering((p, link) => {
      const flow = link.openFlow({ transport: 6, remoteAddress: '192.0.2.9', remotePort: 443 });
      link.cover(p.direction, p.length, { flow, port: 443, protocols: Protocol.IP | Protocol.TCP, device: p.device });
    }),
  ],
  [
    'parameters that break it',
    'sound-for-any-parameters',
    /^defense broken: sent packet \d+, of which nothing was left/,
    broken(
      ({ twice }) => ({
        packet(p, link) {
          forward(p, link);
          if (twice) forward(p, link);
        },
      }),
      {},
      { twice: z.boolean().default(false).describe('whether to send twice') },
    ),
  ],
  [
    'parameters that reorder',
    'sound-for-any-parameters',
    /^keeps-the-order-of-flows: packet/,
    broken(
      ({ reverse }) => (reverse ? reversing() : forwarding()),
      {},
      { reverse: z.boolean().default(false).describe('whether to reverse') },
    ),
  ],
  [
    'parameters with which it does not end',
    'sound-for-any-parameters',
    /sent more than 2000000 frames/,
    broken(
      ({ period }) => {
        let until = 0;
        return {
          packet(p, link) {
            forward(p, link);
            until = link.now + 10;
            link.wakeAt(link.now);
          },
          wake(link) {
            link.cover(0, 60);
            if (link.now < until) link.wakeAt(link.now + (period as number));
          },
        };
      },
      {},
      { period: z.number().min(1e-6).max(10).default(1).describe('seconds from one cover packet to the next') },
    ),
  ],
  [
    'a refusal that does not say of what',
    'sound-for-any-parameters',
    /^expected a refusal that begins with the name of a parameter .*found "defense broken: no"$/,
    broken(forwarding, {
      parameters: z.object({ low: seconds, high: seconds }).refine(({ low, high }) => low <= high, 'no'),
    }),
  ],
  [
    'a schema that refuses all but its defaults',
    'sound-for-any-parameters',
    /^expected some of 100 sets to be accepted, found none: defense broken: delay: no, found 0$/,
    broken(forwarding, {
      parameters: z.object({ delay: seconds }).refine(() => false, { path: ['delay'], message: 'no' }),
    }),
  ],
];
