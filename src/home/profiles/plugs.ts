import type { DeviceProfile } from '../profile.js';

export const plugTplink: DeviceProfile = {
  name: 'TP-Link plug',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [130, 142],
  traffic: [
    {
      kind: 'session',
      service: 'tplink cloud',
      lifetime: 10000,
      heartbeat: { every: 30, jitter: 0.5, exchange: [{ up: [60, 66] }, { down: [44, 50] }] },
      on: { 'switch the TP-Link plug': [{ down: [190, 240] }, { up: [110, 150] }, { up: [260, 330] }, { down: 60 }] },
    },
    { kind: 'request', service: 'ntp', when: { every: 1200, jitter: 12 }, exchange: [{ up: 48 }, { down: 48 }] },
  ],
};

export const plugOrvibo: DeviceProfile = {
  name: 'Orvibo plug',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [120, 132],
  traffic: [
    {
      kind: 'session',
      service: 'orvibo cloud',
      lifetime: 8000,
      heartbeat: { every: 35, jitter: 1.5, exchange: [{ up: [58, 70] }, { down: [58, 70] }] },
      on: { 'switch the Orvibo plug': [{ down: [170, 230] }, { up: [150, 210] }, { down: [58, 70] }] },
    },
  ],
};

export const plugBroadlink: DeviceProfile = {
  name: 'Broadlink plug',
  category: 'iot',
  resolver: 'isp dns',
  timestamps: false,
  hello: [120, 132],
  traffic: [
    {
      kind: 'session',
      service: 'broadlink cloud',
      lifetime: 30000,
      heartbeat: { every: 24, jitter: 0.8, exchange: [{ up: [56, 72] }, { down: 48 }] },
      on: { 'switch the Broadlink plug': [{ down: [88, 120] }, { up: [88, 120] }, { up: 136 }, { down: 48 }] },
    },
    { kind: 'request', service: 'ntp', when: { every: 3600, jitter: 30 }, exchange: [{ up: 48 }, { down: 48 }] },
  ],
};
