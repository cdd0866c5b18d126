import type { Behaviour, DeviceProfile } from '../profile.js';

const androidPush: Behaviour = {
  kind: 'session',
  service: 'google talk',
  lifetime: 5000,
  heartbeat: { every: 240, jitter: 15, exchange: [{ up: [28, 60] }, { down: [28, 200] }] },
};

const applePush: Behaviour = {
  kind: 'session',
  service: 'apple push',
  lifetime: 6000,
  heartbeat: { every: 300, jitter: 30, exchange: [{ up: [80, 160] }, { down: [60, 340] }] },
};

const chat: Behaviour = {
  kind: 'session',
  service: 'messenger',
  lifetime: 1500,
  heartbeat: { every: 70, jitter: 30, exchange: [{ up: [60, 900] }, { down: [60, 2200] }] },
};

const sync = (service: 'google' | 'apple', every: number): Behaviour => ({
  kind: 'request',
  service,
  when: { every, jitter: every / 4 },
  exchange: [{ up: [600, 3000] }, { down: [400, 30000] }],
});

/** Looks at a camera: what the camera sends up comes down here. */
const watch = (when: 'watch the 360 camera' | 'watch the Xiaobai camera'): Behaviour => ({
  kind: 'stream',
  service: when === 'watch the 360 camera' ? 'qihoo relay' : 'xiaobai relay',
  when,
  direction: 'down',
  seconds: [20, 120],
  every: 1 / 15,
  bytes: [1500, 6500],
  keyframe: { each: 30, bytes: [18000, 34000] },
  feedback: { each: 8, bytes: [24, 40] },
});

/** Switches a plug from its app. */
const app = (service: 'tplink cloud' | 'orvibo cloud', when: 'switch the TP-Link plug' | 'switch the Orvibo plug') =>
  ({ kind: 'request', service, when, exchange: [{ up: [300, 500] }, { down: [250, 400] }] }) as const;

export const phoneAnna: DeviceProfile = {
  name: 'Phone 1',
  category: 'non-iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [508, 517],
  traffic: [
    androidPush,
    chat,
    sync('google', 400),
    app('tplink cloud', 'switch the TP-Link plug'),
    watch('watch the 360 camera'),
    {
      kind: 'browsing',
      perHour: 2,
      pages: [3, 10],
      reading: 25,
      sites: 40,
      hosts: [3, 9],
      objects: [2, 7],
      objectBytes: 9000,
    },
  ],
};

export const phoneBen: DeviceProfile = {
  name: 'Phone 2',
  category: 'non-iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [508, 517],
  traffic: [
    applePush,
    chat,
    sync('apple', 500),
    app('orvibo cloud', 'switch the Orvibo plug'),
    watch('watch the Xiaobai camera'),
    {
      kind: 'browsing',
      perHour: 1.6,
      pages: [4, 14],
      reading: 18,
      sites: 60,
      hosts: [3, 8],
      objects: [2, 8],
      objectBytes: 8000,
    },
  ],
};

export const tablet: DeviceProfile = {
  name: 'Tablet',
  category: 'non-iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [508, 517],
  traffic: [
    applePush,
    sync('apple', 900),
    {
      kind: 'browsing',
      perHour: 0.8,
      pages: [4, 16],
      reading: 40,
      sites: 30,
      hosts: [4, 10],
      objects: [3, 9],
      objectBytes: 12000,
    },
  ],
};

export const phoneChild: DeviceProfile = {
  name: 'Phone 3',
  category: 'non-iot',
  resolver: 'google dns',
  timestamps: true,
  hello: [508, 517],
  traffic: [
    androidPush,
    chat,
    sync('google', 700),
    {
      kind: 'browsing',
      perHour: 1,
      pages: [2, 9],
      reading: 30,
      sites: 25,
      hosts: [2, 7],
      objects: [2, 8],
      objectBytes: 10000,
    },
  ],
};
