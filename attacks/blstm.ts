import { recurrentAttack } from '../src/learning/recurrent/attack.js';

export default recurrentAttack(
  'blstm',
  'Like lstm, with a second direction that reads the window from its end.',
  'Dong et al., "Your Smart Home Can\'t Keep a Secret", arXiv 1909.00104, section 5',
  true,
);
