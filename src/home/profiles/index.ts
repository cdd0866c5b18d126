import type { DeviceProfile } from '../profile.js';
import { camera360, cameraXiaobai } from './cameras.js';
import { hubXiaomi } from './hubs.js';
import { phoneAnna, phoneBen, phoneChild, tablet } from './phones.js';
import { plugBroadlink, plugOrvibo, plugTplink } from './plugs.js';
import { echoDot, googleHome, mituStoryTeller, tmallGenie } from './speakers.js';

/** The ten IoT devices and four others of Dong et al., arXiv 1909.00104, section 5.1. Their traffic is our invention. */
export const PROFILES: readonly DeviceProfile[] = [
  echoDot,
  googleHome,
  tmallGenie,
  hubXiaomi,
  camera360,
  cameraXiaobai,
  plugTplink,
  plugOrvibo,
  plugBroadlink,
  mituStoryTeller,
  phoneAnna,
  phoneBen,
  tablet,
  phoneChild,
];
