import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { InputError, UsageError } from '../../../src/shared/errors.js';
import { expectFiles, findCaptures } from '../../../src/trace/read/paths.js';
import { readCaptures } from '../../../src/trace/read/read.js';
import { ethernet, ipv4, pcap, pcapng, temporaryFolder, udp } from '../../support/fixtures.js';
import { needs, noShared, sharedPath } from '../../support/needs.js';

const folder = temporaryFolder();
const data = ethernet(0x0800, ipv4(17, udp(1000, 2000, Buffer.alloc(10))));
const capture = pcap([{ data }]);
const { section, interface: described, enhanced } = pcapng();
const captureNg = Buffer.concat([section(), described(1), enhanced(0, 1n, data)]);

function makeFolder(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  const home = join(folder, name);
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), bytes);
  }
  return home;
}

/** Lists the files found, by paths relative to the folder. */
async function found(home: string, paths = [home]) {
  const { files, skipped } = await findCaptures(paths);
  return {
    files: files.map((file) => relative(home, file)),
    skipped: Object.fromEntries(skipped.map(({ path, reason }) => [relative(home, path), reason.replaceAll(home, '')])),
  };
}

describe('a folder', () => {
  it('gives every capture in it, whatever its name and packing, in natural order', async () => {
    const names = ['home.pcap', 'home.pcap1', 'home.pcap2', 'home.pcap10', 'ring.pcap.1', 'x.pcap00001.gz', 'noname'];
    const home = makeFolder('names', {
      ...Object.fromEntries(names.map((name) => [name, name.endsWith('gz') ? gzipSync(capture) : capture])),
      'below/deep/20260105': gzipSync(captureNg),
      'below/log.gz': gzipSync(capture),
    });
    const { files, skipped } = await found(home);
    expect(files).toEqual([
      ...['below/deep/20260105', 'below/log.gz', 'home.pcap', 'home.pcap1', 'home.pcap2', 'home.pcap10'],
      ...['noname', 'ring.pcap.1', 'x.pcap00001.gz'],
    ]);
    expect(skipped).toEqual({});
    expect((await readCaptures([home])).report).toMatchObject({ read: 9, backward: 0, skipped: [] });
  });

  it('tells each file that is not read, and what it is', async () => {
    const home = makeFolder('others', {
      'home.pcap': capture,
      'notes.txt': 'text',
      'labels.csv.gz': gzipSync('mac,device\n'),
      'old.7z': Buffer.from('377abcaf271c0004', 'hex'),
      'more files.zip': 'PK\x03\x04....',
      '.hidden': '',
    });
    symlinkSync('nowhere', join(home, 'broken'));
    spawnSync('mkfifo', [join(home, 'pipe')]);
    const { files, skipped } = await found(home);
    expect(files).toEqual(['home.pcap']);
    expect(skipped).toEqual({
      '.hidden': 'an empty file',
      broken: 'no such file or folder',
      'labels.csv.gz': 'text, packed with gzip',
      'more files.zip': "a zip archive (unpack it: unzip '/more files.zip')",
      'notes.txt': 'text',
      'old.7z': 'a 7-Zip archive (unpack it: 7z x /old.7z)',
      pipe: 'it is no file',
    });
  });

  it('without a capture is refused with what is in it', async () => {
    const home = makeFolder('none', { 'a.txt': 'text', 'b.tar': `${'\0'.repeat(257)}ustar` });
    await expect(findCaptures([home])).rejects.toThrow(InputError);
    await expect(findCaptures([home])).rejects.toThrow(
      `${home}: expected captures in this folder (pcap or pcapng, also packed with gzip, xz or zstd), found none among 2 files: ${home}/a.txt (text), ${home}/b.tar (a tar archive (unpack it: tar -xf ${home}/b.tar))`,
    );
    mkdirSync(join(home, 'empty'));
    await expect(findCaptures([join(home, 'empty')])).rejects.toThrow(/found none$/);
  });
});

describe('links', () => {
  it('to folders and files are followed', async () => {
    const elsewhere = makeFolder('elsewhere', { 'plug/a.pcap': capture, 'lamp.pcap': capture });
    const home = makeFolder('linked', { 'own.pcap': capture });
    symlinkSync(join(elsewhere, 'plug'), join(home, 'plug'));
    symlinkSync(join(elsewhere, 'lamp.pcap'), join(home, 'lamp.pcap'));
    expect((await found(home)).files).toEqual(['lamp.pcap', 'own.pcap', 'plug/a.pcap']);
  });

  it('in a circle end, and are told', async () => {
    const home = makeFolder('circle', { 'a/b/home.pcap': capture });
    symlinkSync('..', join(home, 'a/up'));
    symlinkSync('.', join(home, 'a/b/here'));
    symlinkSync('self', join(home, 'self'));
    expect(await found(home)).toEqual({
      files: ['a/b/home.pcap'],
      skipped: {
        'a/up': 'it is a link to a folder that it is in',
        'a/b/here': 'it is a link to a folder that it is in',
        self: expect.stringMatching(/^cannot be read: ELOOP/),
      },
    });
  });

  it('to what is read already are left out, and told', async () => {
    const home = makeFolder('twice', { 'a/home.pcap': capture });
    symlinkSync('a', join(home, 'b'));
    symlinkSync('a/home.pcap', join(home, 'c.pcap'));
    expect(await found(home, [home, join(home, 'a/home.pcap')])).toEqual({
      files: ['a/home.pcap'],
      skipped: {
        b: 'it is /a, which is read already',
        'c.pcap': 'it is /a/home.pcap, which is read already',
        'a/home.pcap': 'it is read already',
      },
    });
    expect((await readCaptures([home])).report).toMatchObject({ read: 1, skipped: { length: 2 } });
  });
});

test('standard input and pipes are refused where files are read more than once', () => {
  for (const path of ['-', '/dev/stdin']) expect(() => expectFiles([path])).toThrow(UsageError);
  expect(() => expectFiles([folder, join(folder, 'none')])).not.toThrow();
});

needs(noShared('cases')).test('rotated captures that tcpdump packed with gzip are all read', async () => {
  const { report } = await readCaptures([sharedPath('cases/05-rotated-gz-skipped/captures')]);
  expect(report.files.map(({ read }) => read)).toEqual([40, 40, 40]);
});

describe('a file that is no capture', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['x.bz2', 'BZh91AY', 'a bzip2 file (unpack it: bunzip2 FILE)'],
    ['x.lz4', Buffer.from('04224d18', 'hex'), 'an lz4 file (unpack it: lz4 -d FILE)'],
    ['x.rar', Buffer.from('526172211a0700', 'hex'), 'a RAR archive (unpack it: 7z x FILE)'],
    ['x.Z', Buffer.from('1f9d90', 'hex'), 'a compress (.Z) file (unpack it: gunzip FILE)'],
    [
      'x.tar.gz',
      gzipSync(`${'a'.padEnd(257, '\0')}ustar`),
      'a tar archive (unpack it: tar -xf FILE), packed with gzip',
    ],
    ['x.gz', gzipSync(gzipSync(capture)), 'a gzip file within another (unpack it once more), packed with gzip'],
    ['x.cap', 'GMBU\x02\0', 'a capture of Network Monitor (convert it: editcap -F pcapng FILE out.pcapng)'],
    ['x.etl', Buffer.from('00000100', 'hex'), 'an event trace of Windows (convert it: pktmon etl2pcap FILE'],
    ['x.erf', Buffer.from('0102030405', 'hex'), 'an ERF capture (convert it: editcap'],
    ['x.hccapx', 'HCPX\x04\0', "hashcat's handshakes (hccapx), which hold no packets"],
    ['x.txt', '12:34:56.789012 IP 10.0.0.2.5353 > 10.0.0.3.53: UDP', "tcpdump's text (record the packets: tcpdump -w"],
    ['x.csv', '"No.","Time","Source"\n', "Wireshark's list of packets as CSV (save the capture itself as pcapng)"],
    ['x.pcap', '<!DOCTYPE html><html>', 'a web page (the download did not give the file itself)'],
    ['x.zeros', Buffer.alloc(100), 'nothing but zeros (a copy that was interrupted?)'],
  ])('is named, with what makes a capture of it: %s', async (name, bytes, expected) => {
    const path = join(makeFolder('kinds', { [name]: bytes }), name);
    const { report } = await readCaptures([path]);
    expect(report.files[0]!.problems).toHaveLength(1);
    expect(report.files[0]!.problems[0]).toContain(
      `${path}: expected a pcap or pcapng file, found ${expected.replace('FILE', path)}`,
    );
  });
});
