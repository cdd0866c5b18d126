import { fileURLToPath } from 'node:url';

const byPorts = fileURLToPath(new URL('./by-ports.mjs', import.meta.url));

/** Parameters of built-in attacks that take long by default, and a program for the one that needs it, for tests that are about something else than how well they learn. */
export const SMALL_ATTACKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'random-forest': { trees: 10 },
  'context-forest': { trees: 10, packets: 2000 },
  endpoint: { trees: 10 },
  command: { run: `"${process.execPath}" "${byPorts}"`, answers: 'packet' },
  iotsense: { rounds: 10 },
  'peek-a-boo': { trees: 10 },
  'window-forest': { trees: 10 },
  lstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
  blstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
  df: { filters: 4, units: 16, epochs: 5, packets: 20 },
  'tik-tok': { filters: 4, units: 16, epochs: 5, packets: 20 },
  'tam-cnn': { filters: 4, seconds: 2, slots: 8, epochs: 12, learningRate: 0.01 },
  transformer: { width: 4, heads: 2, layers: 1, epochs: 5, packets: 20, learningRate: 0.01 },
};
