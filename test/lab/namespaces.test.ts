import { afterAll, expect, test } from 'vitest';
import { createNetwork, type Network, whyNoNamespaces } from '../../src/lab/namespaces.js';
import { needs } from '../support/needs.js';

needs(whyNoNamespaces()).describe('the network of a test', () => {
  let network: Network | undefined;
  afterAll(() => network?.close());

  test('hosts reach each other, and nothing else', () => {
    network = createNetwork();
    const [a, b] = [network.host(), network.host()];
    network.link(a, b, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
    const routes = b.run('ip', '-4', 'route').trim().split('\n');
    expect(routes).toEqual([expect.stringContaining('10.77.0.0/24 dev eth0')]);
    const connect = (address: string) =>
      a.run(
        process.execPath,
        '-e',
        `const s = require('net').connect(9, '${address}'); s.on('error', (e) => { console.log(e.code); })`,
      );
    expect(connect('10.77.0.2').trim()).toBe('ECONNREFUSED');
    expect(connect('10.78.0.1').trim()).toBe('ENETUNREACH');
  });

  test('nothing is left behind', () => {
    const own = createNetwork();
    const { name } = own.host();
    own.close();
    expect(() => network!.host().run('ip', 'netns', 'exec', name, 'true')).toThrow();
  });
});
