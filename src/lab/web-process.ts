/** A process of the lab: the web that noise visits and the resolver of its names, in the namespace where it is started. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Certificate } from './certificate.js';
import { openResolver } from './resolver.js';
import { createWeb, type WebOptions } from './web.js';

export interface WebOrder extends WebOptions {
  readonly identity: Certificate;
  readonly resolver: string;
  /** IPv4 address of each host of the web, in the order of `Web.hosts`. */
  readonly addresses: readonly string[];
}

process.once('message', async ({ identity, resolver, addresses, ...options }: WebOrder) => {
  const web = createWeb(options);
  const known = new Map(web.hosts.map((host, i) => [host, [addresses[i % addresses.length]!]]));
  await openResolver({ address: resolver, port: 53, lookup: (name) => known.get(name) ?? [] });
  await once(createServer(identity, web.respond).listen(443, '0.0.0.0'), 'listening');
  process.send!({ type: 'ready' });
});
process.once('disconnect', () => process.exit(0));
