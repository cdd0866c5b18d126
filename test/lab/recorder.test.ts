import { afterAll, expect, test } from 'vitest';
import { createNetwork, type Network } from '../../src/lab/namespaces.js';
import { startRecorder } from '../../src/lab/recorder.js';
import { findRequirements } from '../../src/lab/requirements.js';
import { needs } from '../support/needs.js';
import { temporaryFolder } from '../support/run-cli.js';
import { until } from '../support/run-live.js';

needs(findRequirements(false)).describe('a capture in the lab', () => {
  let network: Network | undefined;
  afterAll(() => network?.close());

  test('whose interface goes away is said to have ended early, not waited for', async () => {
    network = createNetwork();
    const [a, b] = [network.host(), network.host()];
    network.link(a, b, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
    const recorder = await startRecorder(a, 'eth0', `${temporaryFolder()}/a.pcap`, { snaplen: 96 });
    a.run('ip', 'link', 'delete', 'eth0');
    const stopped = recorder.stop().then(
      () => 'stopped',
      (error: Error) => error.message,
    );
    let said = '';
    stopped.then((what) => {
      said = what;
    });
    await until(() => said !== '');
    expect(said).toMatch(/^live: the capture of eth0 ended early: /);
  });
});
