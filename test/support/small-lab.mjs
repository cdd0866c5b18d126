/**
 * The lab's web, its resolver and a certificate on 127.0.0.1 of a namespace that has nothing else. Prints a line with the certificate and
 * the roots, then one for each document that is asked for.
 */
import { createServer } from 'node:https';
import { createCertificate } from '../../dist/src/lab/certificate.js';
import { openResolver } from '../../dist/src/lab/resolver.js';
import { createWeb } from '../../dist/src/lab/web.js';

const write = (line) => process.stdout.write(`${line}\n`);
const web = createWeb({ seed: 1, objects: 2, speed: 20 });
const identity = await createCertificate(web.hosts);
await openResolver({
  address: '127.0.0.1',
  port: 53,
  lookup: (name) => (web.hosts.includes(name) ? ['127.0.0.1'] : []),
});
const server = createServer(identity, (request, response) => {
  if (/^\/(p\d+)?$/.test(request.url)) write(request.headers.host);
  web.respond(request, response);
});
server.listen(443, '127.0.0.1', () => write(JSON.stringify({ ca: identity.cert, roots: web.roots })));
