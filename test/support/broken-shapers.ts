import type { Link, PacketRef, Shaper } from '../../src/shaping/shaper.js';

const forward = (p: PacketRef, link: Link) => link.send(p, p.length);

/** Shapers that break the contract with the first packet, of 100 bytes, or at once after it; each with the error of its link. */
export const brokenShapers: [string, RegExp, () => Shaper][] = [
  [
    'sends twice',
    /sent packet 0, of which nothing was left/,
    () => ({
      packet(p, link) {
        forward(p, link);
        forward(p, link);
      },
    }),
  ],
  [
    'sends too much',
    /sent 101 bytes of packet 0, of which 100 were left/,
    () => ({ packet: (p, link) => link.send(p, 200, 101) }),
  ],
  [
    'sends a part of nothing',
    /sent 0 bytes of packet 0: expected a whole number of at least 1/,
    () => ({ packet: (p, link) => link.send(p, 200, 0) }),
  ],
  [
    'sends half a byte',
    /sent 0.5 bytes of packet 0: expected a whole number/,
    () => ({ packet: (p, link) => link.send(p, 200, 0.5) }),
  ],
  ['sends NaN bytes', /sent NaN bytes/, () => ({ packet: (p, link) => link.send(p, 200, Number.NaN) })],
  [
    'knows the future',
    /sent packet 1 before it arrived/,
    () => ({ packet: (p, link) => link.send({ ...p, id: p.id + 1 }, 200) }),
  ],
  [
    'drops the future',
    /dropped packet 1 before it arrived/,
    () => ({ packet: (p, link) => link.drop({ ...p, id: p.id + 1 }) }),
  ],
  [
    'invents a packet',
    /sent packet -1 before it arrived/,
    () => ({ packet: (p, link) => link.send({ ...p, id: -1 }, 200) }),
  ],
  ['sends an empty frame', /a frame has 1 byte or more, not 0/, () => ({ packet: (p, link) => link.send(p, 0) })],
  ['sends a broken frame', /a frame has 1 byte or more, not 99.5/, () => ({ packet: (p, link) => link.send(p, 99.5) })],
  [
    'covers with nothing',
    /a frame has 1 byte or more, not NaN/,
    () => ({ packet: (_, link) => link.cover(1, Number.NaN) }),
  ],
  ['covers nowhere', /cover with direction 2/, () => ({ packet: (_, link) => link.cover(2 as 1, 60) })],
  [
    'drops what it sent',
    /dropped packet 0, of which nothing was left/,
    () => ({
      packet(p, link) {
        forward(p, link);
        link.drop(p);
      },
    }),
  ],
  ['sends an empty cell', /cell without parts/, () => ({ packet: (_, link) => link.sendCell([], 100) })],
  ['has no wake', /no wake\(\)/, () => ({ packet: (_, link) => link.wakeAt(1) })],
  ['sets no time', /timer to NaN/, () => ({ packet: (_, link) => link.wakeAt(Number.NaN) })],
  [
    'stands still',
    /woke 100000 times in a row at one moment/,
    () => ({
      packet: (_, link) => link.wakeAt(0),
      wake: (link) => link.wakeAt(link.now),
    }),
  ],
];
