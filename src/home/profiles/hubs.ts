import type { DeviceProfile } from '../profile.js';

/** Gateway of door, motion and temperature sensors. */
export const hubXiaomi: DeviceProfile = {
  name: 'Xiaomi hub',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [180, 190],
  traffic: [
    {
      kind: 'session',
      service: 'xiaomi link',
      lifetime: 20000,
      // The sibling of the story teller: same service, same 32 bytes, another clock.
      heartbeat: { every: 15, jitter: 0.5, exchange: [{ up: 32 }, { down: 32 }] },
      on: {
        'open a door': [{ up: [170, 290] }, { down: [80, 130] }],
        'walk past the 360 camera': [{ up: [160, 250] }, { down: [80, 130] }],
      },
    },
    {
      kind: 'request',
      service: 'xiaomi broker',
      when: { every: 300, jitter: 20 },
      exchange: [{ up: [420, 900] }, { down: [200, 420] }],
    },
  ],
};
