import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LoadedModel, loadModel, saveModel } from '../../src/harness/observer/model-folder.js';
import { runTraining } from '../../src/harness/observer/train.js';
import { resolveTraining, type TrainRequest } from '../../src/harness/spec.js';
import { generateHome } from '../../src/home/home.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { deviceLabels } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { temporaryFolder } from './fixtures.js';

/** Some minutes of the synthetic home as a capture with its labels. */
export function makeHome(seed: number, hours: number): { pcap: string; labels: string } {
  const folder = temporaryFolder();
  const [pcap, labels] = [join(folder, 'home.pcap'), join(folder, 'home.csv')];
  const trace = generateHome({ hours, seed });
  writePcap(trace, pcap);
  writeFileSync(labels, formatLabels(deviceLabels(trace)));
  return { pcap, labels };
}

/** A forest of ten trees, saved and opened. */
export async function trainSmall(request: TrainRequest = {}): Promise<LoadedModel> {
  const { pcap, labels } = makeHome(1, 0.2);
  const attack = 'random-forest:trees=10';
  const spec = resolveTraining({ ...request, data: [pcap], labels, attack, minimumPackets: 20 });
  const path = join(temporaryFolder(), 'model');
  saveModel(path, await runTraining(spec, { threads: 1 }));
  return loadModel(path, { threads: 1 });
}
