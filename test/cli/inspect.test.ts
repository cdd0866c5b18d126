import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEVICE, ethernet, GATEWAY, ipv4, pcap, tcp, temporaryFolder, udp } from '../support/fixtures.js';
import { clientHello, dnsAnswer } from '../support/messages.js';
import { needs, noProgram, noShared, sharedPath } from '../support/needs.js';
import { homeveilHere } from '../support/run-cli.js';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

const inspect = (...args: string[]) => homeveilHere('inspect', ...args);

const folder = temporaryFolder();
const write = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const out = ethernet(0x0800, ipv4(6, tcp(50000, 443)));
const back = ethernet(0x0800, ipv4(6, tcp(443, 50000), { from: '93.184.216.34', to: '10.0.0.2' }), {
  from: GATEWAY,
  to: '02:00:00:00:00:0a',
});
const all = ethernet(0x0800, ipv4(17, udp(68, 67)), { to: 'ff:ff:ff:ff:ff:ff' });
const records = [out, back, all, Buffer.alloc(3)].map((data, i) => ({ data, seconds: 1_600_000_000 + i * 3600 }));

describe('homeveil inspect', () => {
  it('warns of a gateway among the labels, and of columns that are not used', async () => {
    const capture = write('gateway.pcap', pcap(records.slice(0, 3)));
    const rows = ['mac,device,room', '02:00:00:00:00:0a,plug,hall', `${GATEWAY},router,hall`];
    const labels = write('gateway.csv', rows.join('\n'));
    const { status, stdout } = await inspect(capture, '--labels', labels);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^plug +iot +02:00:00:00:00:0a\* +2 +1 /m);
    expect(stdout).toMatch(/^router +iot +02:00:00:00:00:01\* +0 +0 /m);
    const { warnings } = JSON.parse((await inspect(capture, '--labels', labels, '--json')).stdout);
    expect(warnings).toEqual([
      `${labels}:1: not used: column "room"`,
      expect.stringMatching(/^router \(02:00:00:00:00:01\) is a gateway: /),
    ]);
    expect(stdout).toContain('\nWarnings\n');
  });

  it('counts the flows to the Internet whose names the captures show, and from where', async () => {
    const answer = udp(53, 40000, dnsAnswer('dns.example', [['dns.example', [9, 9, 9, 9]]]));
    const frames = [
      ethernet(0x0800, ipv4(17, answer, { from: '10.0.0.1', to: '10.0.0.2' }), { from: GATEWAY, to: DEVICE }),
      ethernet(0x0800, ipv4(6, tcp(50000, 443), { to: '9.9.9.9' })),
      ethernet(0x0800, ipv4(6, tcp(50001, 443), { to: '9.9.9.9' })),
      ethernet(0x0800, ipv4(6, tcp(50002, 443, clientHello('tls.example')))),
      ethernet(0x0800, ipv4(6, tcp(50003, 443))),
    ];
    const capture = write('names.pcap', pcap(frames.map((data, seconds) => ({ data, seconds }))));
    const labels = write('names.csv', `mac,device\n${DEVICE},plug`);
    const { stdout } = await inspect(capture, '--labels', labels);
    expect(stdout).toContain('\nNames    3 of 4 flows to the Internet: 1 by TLS or HTTP, 2 by DNS\n');
    const { names } = JSON.parse((await inspect(capture, '--labels', labels, '--json')).stdout);
    expect(names).toEqual({ flows: 4, own: 1, dns: 2 });
  });

  it('refuses a level of folders that is none, as a fault of usage', async () => {
    const { status, stderr } = await inspect(write('level.pcap', pcap(records)), '--labels', 'folder=0');
    expect({ status, lines: stderr.trim().split('\n').length }).toEqual({ status: 2, lines: 1 });
    expect(stderr).toContain('--labels folder=0: expected folder=N');
  });

  it('prints what was read, kept and dropped, the link, the span and the hosts', async () => {
    const { status, stdout, stderr } = await inspect(write('home.pcap', pcap(records)));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'Files    1 read (241 B)',
        'Packets  4 read, 3 kept, 1 dropped',
        'Link     ethernet, 4',
        'Span     2020-09-13 12:26:40 to 2020-09-13 14:26:40 UTC (2 h 00 min)',
        '',
        'Dropped, because            packets',
        '──────────────────────────  ───────',
        'cut inside the link header        1',
        '',
        'Host                sent  received  bytes',
        '──────────────────  ────  ────────  ─────',
        '02:00:00:00:00:0a*     2         1  150 B',
        '02:00:00:00:00:01*     1         1  108 B',
        '',
        'MAC addresses',
        'all packets are of one UTC day: how traceable addresses are over days takes two',
        '    days or more',
        '* administered locally, as randomised addresses are (IEEE 802c)',
        '',
      ].join('\n'),
    );
  });

  it('tells of copies, and counts them where it is asked to', async () => {
    const twice = records
      .slice(0, 3)
      .flatMap(({ data, seconds }) => [0, 40].map((fraction) => ({ data, seconds, fraction })));
    const capture = write('mirrored.pcap', pcap(twice));
    const { stdout } = await inspect(capture);
    expect(stdout).toContain('Packets  6 read, 3 kept, 3 dropped');
    expect(stdout).toContain('Copies   3 of packets before them, left out (--duplicates keep)');
    expect(JSON.parse((await inspect(capture, '--json')).stdout).dropped).toEqual({ duplicate: 3 });
    const kept = JSON.parse((await inspect(capture, '--json', '--duplicates', 'keep')).stdout);
    expect(kept).toMatchObject({ read: 6, kept: 6, dropped: {} });
  });

  it('names hosts by IP address where the link has no other', async () => {
    const raw = [{ data: ipv4(6, tcp(50000, 443)) }];
    const { stdout } = await inspect(write('raw.pcap', pcap(raw, { link: 101 })), '--json');
    expect(JSON.parse(stdout).hosts).toEqual([
      { address: '10.0.0.2', sent: 1, received: 0, bytes: 40 },
      { address: '93.184.216.34', sent: 0, received: 1, bytes: 40 },
    ]);
  });

  it('counts per device where labels are given', async () => {
    const capture = write('labelled.pcap', pcap(records));
    const labels = write('labels.csv', 'mac,device,category\n02:00:00:00:00:0a,plug,iot\n');
    const { status, stdout } = await inspect(capture, '--labels', labels, '--json');
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document.devices).toEqual([
      {
        name: 'plug',
        category: 'iot',
        addresses: ['02:00:00:00:00:0a'],
        randomised: ['02:00:00:00:00:0a'],
        ...{ sent: 2, received: 1, bytes: 150, days: 1, pairs: 0, linked: 0 },
      },
    ]);
    const text = (await inspect(capture, '--labels', labels)).stdout;
    expect(text).toContain('plug    iot       02:00:00:00:00:0a*     2         1  150 B');
  });

  describe('over days', () => {
    const hub = '00:11:22:33:44:55';
    const phone = ['02:00:00:00:00:a1', '06:00:00:00:00:a2', '0a:00:00:00:00:a3'];
    const frame = (from: string, day: number) => ({
      data: ethernet(0x0800, ipv4(6, tcp(50000, 443)), { from }),
      seconds: 1_600_000_000 + day * 86_400,
    });
    // The hub keeps its address for three days, of which the second is not captured; the phone changes its own once a day, but for one.
    const days = [frame(hub, 0), frame(phone[0]!, 0), frame(hub, 2), frame(phone[1]!, 2), frame(phone[1]!, 3)];
    const capture = write('days.pcap', pcap([...days, frame(phone[2]!, 4), frame(hub, 3)]));
    const rows = [`${hub},hub`, ...phone.map((mac) => `${mac},phone`)];
    const labels = write('days.csv', ['mac,device', ...rows].join('\n'));

    it('says how many of each labelled device a constant address links', async () => {
      const { stdout } = await inspect(capture, '--labels', labels);
      expect(stdout).toMatch(/^hub +iot +00:11:22:33:44:55 .* 2 of 2$/m);
      expect(stdout).toMatch(/ 1 of 3$/m);
      expect(stdout).toContain('02:00:00:00:00:a1*, 06:00:00:00:00:a2* and 1 more');
      expect(stdout.replace(/\s+/g, ' ')).toContain(
        'MAC addresses 3 of 5 pairs of consecutive days of a device (60.0 %) share one of its addresses, within 4 UTC days * ',
      );
      const { traceability, devices } = JSON.parse((await inspect(capture, '--labels', labels, '--json')).stdout);
      expect(traceability).toEqual({ by: 'device', days: 4, deviceDays: 7, pairs: 5, linked: 3, share: 0.6 });
      expect(devices).toMatchObject([
        { name: 'hub', randomised: [], days: 3, pairs: 2, linked: 2 },
        { name: 'phone', randomised: phone, days: 4, pairs: 3, linked: 1 },
      ]);
    });

    it('says without labels how many are of an address seen again, and that labels are what joins others', async () => {
      const { stdout } = await inspect(capture);
      expect(stdout).toMatch(/^Host .* days$/m);
      expect(stdout).toMatch(/^00:11:22:33:44:55 .* 3$/m);
      expect(stdout).toMatch(/^06:00:00:00:00:a2\* .* 2$/m);
      expect(stdout.replace(/\s+/g, ' ')).toContain(
        '5 of 7 address-days (71.4 %) are of an address seen on another day, too, within 4 UTC days; without labels, a randomised address cannot be joined to its device',
      );
      const { traceability, hosts } = JSON.parse((await inspect(capture, '--json')).stdout);
      expect(traceability).toEqual({ by: 'address', days: 4, addressDays: 7, linked: 5, share: 5 / 7 });
      expect(hosts).toContainEqual(expect.objectContaining({ address: hub, randomised: false, days: 3 }));
    });

    it('says that nothing can be said where no device is seen twice', async () => {
      const once = write('once.pcap', pcap([frame(hub, 0), frame(phone[0]!, 1)]));
      const { stdout } = await inspect(once, '--labels', labels);
      expect(stdout).toContain('no device is seen on two days within 2 UTC days');
      const { traceability } = JSON.parse((await inspect(once, '--labels', labels, '--json')).stdout);
      expect(traceability).toMatchObject({ pairs: 0, share: null });
    });

    it('says nothing of links without MAC addresses', async () => {
      const raw = write('raw-days.pcap', pcap([{ data: ipv4(6, tcp(50000, 443)) }], { link: 101 }));
      expect((await inspect(raw)).stdout).not.toContain('MAC addresses');
    });

    needs(noShared('data/tjoconnor')).test('of a real home, as tshark has its senders by day', async () => {
      const home = sharedPath('data/tjoconnor');
      // By tshark -T fields -e frame.time_epoch -e eth.src: eight addresses on 59 days, of which eight are the gateway's.
      const labelled = JSON.parse((await inspect(home, '--labels', join(home, 'labels.csv'), '--json')).stdout);
      expect(labelled.traceability).toMatchObject({ deviceDays: 51, pairs: 44, linked: 44, share: 1 });
      const { traceability } = JSON.parse((await inspect(home, '--json')).stdout);
      expect(traceability).toMatchObject({ days: 8, addressDays: 59, linked: 59, share: 1 });
    });
  });

  it('takes folders, goes on past what is no capture, and keeps to 80 columns', async () => {
    const home = join(folder, 'a home with a long name, so that lines have to break', 'of/captures');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'day2.pcap'), pcap(records));
    writeFileSync(join(home, 'day10.cap'), pcap(records, { link: 195 }));
    writeFileSync(join(home, 'day1.pcap'), 'version https://git-lfs.github.com/spec/v1\n');
    writeFileSync(join(home, 'notes.txt'), 'not read');
    writeFileSync(join(home, 'unnamed'), pcap(records, { little: false }));
    const { status, stdout } = await inspect(home, '--json');
    expect(status).toBe(0);
    const { files, ...sums } = JSON.parse(stdout);
    expect(sums).toMatchObject({ read: 12, kept: 6, links: { ethernet: 8, LINKTYPE_IEEE802_15_4_WITHFCS: 4 } });
    expect(
      files.map((file: { path: string; format: string }) => [file.path.slice(home.length + 1), file.format]),
    ).toEqual([
      ['day1.pcap', null],
      ['day2.pcap', 'pcap'],
      ['day10.cap', 'pcap'],
      ['unnamed', 'pcap'],
    ]);
    for (const line of (await inspect(home)).stdout.split('\n')) {
      // But for a word that is longer than a line: there are none here.
      expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  it('takes - for standard input, in any place and packed too', async () => {
    const other = write('other.pcap', pcap(records.slice(0, 2)));
    const run = (input: Uint8Array, ...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'inspect', ...args], { input });
      return { status, text: String(stdout), error: String(stderr) };
    };
    expect(run(pcap(records), '-').text).toMatch(/^Files {4}1 read \(241 B\)\nPackets {2}4 read, 3 kept/);
    expect(run(gzipSync(pcap(records)), '--json', '-', other).text).toContain('"read": 6');
    expect(run(pcap(records), other, '/dev/stdin').text).toContain('Packets  6 read');
    expect(run(pcap(records), '-', '-').text).toContain('Not read\n-: it is read already');
    expect(run(Buffer.alloc(0), '-')).toEqual({
      status: 1,
      text: '',
      error: 'homeveil: -: expected a pcap or pcapng file, found an empty file\n',
    });
    expect(run(pcap(records), '-', '--labels', '-')).toMatchObject({ status: 1, text: '' });
  });

  needs(noProgram('mkfifo')).test('reads a pipe by its name, when somebody writes to it', async () => {
    const pipe = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const reader = spawn(process.execPath, [main, 'inspect', pipe]);
    let text = '';
    reader.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const ended = once(reader, 'close');
    await writeFile(pipe, pcap(records));
    expect(await ended).toEqual([0, null]);
    expect(text).toContain('Packets  4 read, 3 kept');
  });

  needs(noShared('cases')).test('reads the case of a capture on standard input', () => {
    const input = readFileSync(sharedPath('cases/21-stdin-dash/home.pcap'));
    const { stdout } = spawnSync(process.execPath, [main, 'inspect', '-'], { input, encoding: 'utf8' });
    expect(stdout).toContain('Packets  20 read, 20 kept, 0 dropped');
  });

  needs(noShared('cases/15-wifi-encrypted-frames')).test('reads the case of encrypted Wi-Fi', async () => {
    const [air, labels] = ['air.pcap', 'labels.csv'].map((name) =>
      sharedPath(`cases/15-wifi-encrypted-frames/${name}`),
    );
    const { stdout } = await inspect(air!, '--labels', labels!);
    // Bytes as `tshark -q -z endpoints,wlan` counts them, 16,765 and 9840, less 8 of radiotap for each of 60 frames.
    expect(stdout).toMatch(/^Camera +iot +02:00:5e:00:00:10\* +30 +30 +16\.3 kB$/m);
    expect(stdout).toMatch(/^Plug +iot +02:00:5e:00:00:11\* +30 +30 +9\.36 kB$/m);
    expect(stdout).toContain('\n120 of 120 packets are encrypted 802.11 frames');
  });

  it('lists what it did not read, with its reason', async () => {
    const home = join(folder, 'not-read');
    mkdirSync(home);
    writeFileSync(join(home, 'a.pcap'), pcap(records));
    for (let i = 0; i < 30; i++) writeFileSync(join(home, `note${i}.txt`), 'text');
    const { stdout } = await inspect(home);
    expect(stdout).toContain('Files    1 read (241 B), 30 not read');
    expect(stdout).toContain(`${join(home, 'note0.txt')}: text\n`);
    expect(stdout).toContain('… and 10 more files (all of them with --json)');
    const { skipped } = JSON.parse((await inspect(home, '--json')).stdout);
    expect(skipped).toHaveLength(30);
    expect(skipped[0]).toEqual({ path: join(home, 'note0.txt'), reason: 'text' });
  });

  it('fails with one line where nothing is a capture, or the path is wrong', async () => {
    const text = write('text.pcap', 'hello');
    const one = await inspect(text);
    expect(one).toEqual({
      status: 1,
      stdout: '',
      stderr: `homeveil: ${text}: expected a pcap or pcapng file, found text\n`,
    });
    expect(await inspect(text, text)).toMatchObject({ status: 1, stdout: '' });
    expect(JSON.parse((await inspect(text, '--json')).stdout)).toMatchObject({ read: 0, files: [{ format: null }] });
    expect(await inspect(join(folder, 'none'))).toEqual({
      status: 1,
      stdout: '',
      stderr: `homeveil: ${join(folder, 'none')}: no such file or folder\n`,
    });
  });
});
