import { recurrentAttack } from '../src/learning/recurrent/attack.js';

export default recurrentAttack(
  'lstm',
  'Port embedding and LSTM layers over a window, a label for each packet.',
  'Dong et al., "Your Smart Home Can\'t Keep a Secret", arXiv 1909.00104, section 5',
  false,
);
