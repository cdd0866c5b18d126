import type { DeviceProfile } from '../profile.js';

const ntp = { kind: 'request', service: 'ntp', exchange: [{ up: 48 }, { down: 48 }] } as const;

export const echoDot: DeviceProfile = {
  name: 'Echo Dot',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [219, 233],
  traffic: [
    {
      kind: 'session',
      service: 'amazon voice',
      lifetime: 5400,
      heartbeat: { every: 30, jitter: 0.4, exchange: [{ up: [31, 37] }, { down: [29, 35] }] },
      on: {
        // The question as it is spoken, then directives, then the answer as speech.
        'ask Echo': [{ up: [24000, 70000] }, { down: [700, 2400] }, { up: [300, 600] }, { down: [18000, 90000] }],
        'play music': [{ up: [25000, 50000] }, { down: [2000, 5000] }, { up: [500, 900] }],
      },
    },
    {
      kind: 'request',
      service: 'amazon metrics',
      when: { every: 420, jitter: 25 },
      exchange: [{ up: [900, 4200] }, { down: [180, 260] }],
    },
    {
      kind: 'request',
      service: 'amazon check',
      when: { every: 300, jitter: 2 },
      exchange: [{ up: 131 }, { down: [430, 470] }],
    },
    {
      kind: 'stream',
      service: 'amazon music',
      when: 'play music',
      direction: 'down',
      seconds: [300, 1800],
      every: 10,
      bytes: [150000, 330000],
    },
    { ...ntp, when: { every: 512, jitter: 4 } },
    { kind: 'announcement', group: 'ssdp', when: { every: 180, jitter: 3 }, bytes: [292, 318], count: 3 },
  ],
};

export const googleHome: DeviceProfile = {
  name: 'Google Home',
  category: 'iot',
  resolver: 'google dns',
  timestamps: true,
  hello: [232, 246],
  traffic: [
    {
      kind: 'session',
      service: 'google talk',
      lifetime: 7200,
      heartbeat: { every: 60, jitter: 1, exchange: [{ up: [28, 36] }, { down: [28, 36] }] },
    },
    {
      kind: 'session',
      service: 'google',
      lifetime: 3000,
      heartbeat: { every: 45, jitter: 5, exchange: [{ up: [90, 240] }, { down: [60, 190] }] },
      on: {
        'ask Google': [{ up: [16000, 60000] }, { down: [400, 1600] }, { up: [120, 260] }, { down: [12000, 80000] }],
        'play radio': [{ up: [18000, 40000] }, { down: [900, 2600] }],
      },
    },
    {
      kind: 'request',
      service: 'google check',
      when: { every: 240, jitter: 8 },
      exchange: [{ up: [150, 162] }, { down: [105, 120] }],
    },
    {
      kind: 'stream',
      service: 'google video',
      when: 'play radio',
      direction: 'down',
      seconds: [300, 1500],
      every: 8,
      bytes: [110000, 210000],
      feedback: { each: 1, bytes: [33, 80] },
    },
    { ...ntp, when: { every: 1024, jitter: 6 } },
    { kind: 'announcement', group: 'mdns', when: { every: 120, jitter: 1.5 }, bytes: [310, 420], count: 2 },
  ],
};

export const tmallGenie: DeviceProfile = {
  name: 'Tmall assistant',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [190, 204],
  traffic: [
    {
      kind: 'session',
      service: 'alibaba broker',
      lifetime: 4000,
      heartbeat: { every: 55, jitter: 0.6, exchange: [{ up: 2 }, { down: 2 }] },
      on: { 'ask Tmall': [{ down: [180, 420] }, { up: [60, 140] }] },
    },
    {
      kind: 'request',
      service: 'alibaba voice',
      when: 'ask Tmall',
      exchange: [{ up: [14000, 42000] }, { down: [600, 1800] }, { up: [200, 420] }, { down: [20000, 70000] }],
    },
    {
      kind: 'request',
      service: 'alibaba',
      when: { every: 600, jitter: 30 },
      exchange: [{ up: [700, 2600] }, { down: [300, 900] }],
    },
    {
      kind: 'stream',
      service: 'alibaba',
      when: 'play a song on Tmall',
      direction: 'down',
      seconds: [180, 900],
      every: 6,
      bytes: [90000, 160000],
    },
    { ...ntp, when: { every: 900, jitter: 5 } },
  ],
};

/** A children's player: tells stories it has as files, plain HTTP. */
export const mituStoryTeller: DeviceProfile = {
  name: 'Mitu story teller',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [180, 190],
  traffic: [
    {
      kind: 'session',
      service: 'xiaomi link',
      lifetime: 20000,
      heartbeat: { every: 25, jitter: 0.5, exchange: [{ up: 32 }, { down: 32 }] },
      on: { 'tell a story': [{ up: [150, 330] }, { down: [380, 760] }, { up: [90, 150] }] },
    },
    {
      kind: 'request',
      service: 'xiaomi broker',
      when: { every: 900, jitter: 40 },
      exchange: [{ up: [500, 1100] }, { down: [250, 500] }],
    },
    {
      kind: 'stream',
      service: 'xiaomi files',
      when: 'tell a story',
      direction: 'down',
      seconds: [60, 420],
      every: 15,
      bytes: [120000, 240000],
    },
  ],
};
