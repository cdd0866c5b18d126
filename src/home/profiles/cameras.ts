import type { DeviceProfile } from '../profile.js';

export const camera360: DeviceProfile = {
  name: '360 camera',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [200, 210],
  traffic: [
    {
      kind: 'session',
      service: 'qihoo link',
      lifetime: 9000,
      heartbeat: { every: 20, jitter: 0.3, exchange: [{ up: [60, 68] }, { down: [40, 44] }] },
      on: {
        'walk past the 360 camera': [{ up: [300, 420] }, { down: [60, 90] }],
        'watch the 360 camera': [{ down: [240, 300] }, { up: [180, 260] }],
      },
    },
    {
      kind: 'stream',
      service: 'camera store',
      when: 'walk past the 360 camera',
      direction: 'up',
      seconds: [8, 20],
      every: 1 / 15,
      bytes: [1200, 5200],
      keyframe: { each: 30, bytes: [16000, 30000] },
    },
    {
      kind: 'stream',
      service: 'qihoo relay',
      when: 'watch the 360 camera',
      direction: 'up',
      seconds: [20, 120],
      every: 1 / 15,
      bytes: [1500, 6500],
      keyframe: { each: 30, bytes: [18000, 34000] },
      feedback: { each: 8, bytes: [24, 40] },
    },
    { kind: 'request', service: 'ntp', when: { every: 640, jitter: 10 }, exchange: [{ up: 48 }, { down: 48 }] },
  ],
};

export const cameraXiaobai: DeviceProfile = {
  name: 'Xiaobai camera',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: true,
  hello: [200, 214],
  traffic: [
    {
      kind: 'session',
      service: 'xiaobai relay',
      lifetime: 15000,
      heartbeat: { every: 12, jitter: 0.4, exchange: [{ up: [44, 52] }, { down: 28 }] },
    },
    {
      kind: 'session',
      service: 'xiaobai link',
      lifetime: 6000,
      heartbeat: { every: 50, jitter: 2, exchange: [{ up: [110, 170] }, { down: [70, 110] }] },
      on: {
        'walk past the Xiaobai camera': [{ up: [420, 640] }, { down: [110, 180] }],
        'watch the Xiaobai camera': [{ down: [300, 420] }, { up: [240, 420] }],
      },
    },
    {
      kind: 'stream',
      service: 'camera store',
      when: 'walk past the Xiaobai camera',
      direction: 'up',
      seconds: [6, 14],
      every: 1 / 20,
      bytes: [900, 4200],
      keyframe: { each: 40, bytes: [14000, 26000] },
    },
    {
      kind: 'stream',
      service: 'xiaobai relay',
      when: 'watch the Xiaobai camera',
      direction: 'up',
      seconds: [20, 150],
      every: 1 / 20,
      bytes: [1000, 5000],
      keyframe: { each: 40, bytes: [15000, 28000] },
      feedback: { each: 10, bytes: [20, 36] },
    },
    { kind: 'request', service: 'ntp', when: { every: 1800, jitter: 15 }, exchange: [{ up: 48 }, { down: 48 }] },
  ],
};
