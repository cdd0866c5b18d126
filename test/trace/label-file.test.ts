import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/shared/errors.js';
import { formatLabels, readLabelling } from '../../src/trace/label-file.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  const labelling = readLabelling(path);
  return labelling.by === 'address' ? labelling.labels.map((label) => Object.values(label).join(' ')) : labelling.by;
}

function problem(name: string, text: string): string {
  try {
    read(name, text);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message.replace(`${folder}/`, '');
  }
  return 'no problem';
}

describe('labels in CSV', () => {
  test('columns in any order and case, any notation of a MAC address', () => {
    const text = 'Device,CATEGORY,Mac\nPlug,IoT,AA-BB-CC-DD-EE-01\nPhone,Non-IoT,aabb.ccdd.ee02\n';
    expect(read('a.csv', text)).toEqual(['aa:bb:cc:dd:ee:01 mac Plug iot', 'aa:bb:cc:dd:ee:02 mac Phone non-iot']);
  });

  test('quotes, a byte order mark, Windows line ends, comments, empty lines, and iot where no category is given', () => {
    const text = '\ufeffip,device\r\n# the hall\r\n\r\n10.0.0.1,"Plug, ""left"""\r\n  2001:DB8::1 , Cam\r\n';
    expect(read('b.csv', text)).toEqual(['10.0.0.1 ip Plug, "left" iot', '2001:db8::1 ip Cam iot']);
  });

  test('semicolons and tabs', () => {
    expect(read('c.csv', 'address;device\n10.0.0.1;Plug\n')).toEqual(['10.0.0.1 ip Plug iot']);
    expect(read('d.tsv', 'address\tdevice\naa:bb:cc:dd:ee:01\tPlug\n')).toEqual(['aa:bb:cc:dd:ee:01 mac Plug iot']);
  });

  test('several addresses for one device, in rows or in columns', () => {
    expect(read('e.csv', 'mac,ip,device\n02:00:00:00:00:01,10.0.0.1,Plug\n,10.0.0.2,Plug\n')).toEqual([
      '02:00:00:00:00:01 mac Plug iot',
      '10.0.0.1 ip Plug iot',
      '10.0.0.2 ip Plug iot',
    ]);
  });

  test.each([
    [
      'an unknown column',
      'mac,devise\n',
      'f.csv:1: unknown column "devise" (did you mean "device"?); expected some of mac, ip, address, device, category',
    ],
    [
      'no header',
      '02:00:00:00:00:01,Plug\n',
      'f.csv:1: expected a header such as mac,device,category, found "02:00:00:00:00:01,Plug"',
    ],
    ['no device column', 'mac,category\n', 'f.csv:1: expected a column device, found mac, category'],
    ['no address column', 'device,category\n', 'f.csv:1: expected a column mac, ip or address, found device, category'],
    ['a column twice', 'mac,mac,device\n', 'f.csv:1: column mac stands twice'],
    ['a bad address', 'mac,device\n\n02:00:00:00:00,Plug\n', 'f.csv:3: expected a MAC address, found "02:00:00:00:00"'],
    [
      'a bad category',
      'ip,device,category\n10.0.0.1,Plug,phone\n',
      'f.csv:2: expected category iot or non-iot, found "phone"',
    ],
    ['no device', 'ip,device\n10.0.0.1,\n', 'f.csv:2: expected a device name, found none'],
    ['no address', 'ip,device\n,Plug\n', 'f.csv:2: expected a MAC or IP address for "Plug", found none'],
    ['too many fields', 'ip,device\n10.0.0.1,Plug,x\n', 'f.csv:2: expected 2 fields (ip, device), found 3'],
    ['an open quote', 'ip,device\n10.0.0.1,"Plug\n', 'f.csv:2: expected a closing quote, found the end of the line'],
    ['no labels', 'ip,device\n', 'f.csv: expected at least one label, found none'],
    ['an address of two devices', 'ip,device\n10.0.0.1,A\n10.0.0.1,B\n', '10.0.0.1 belongs to "A"'],
    [
      'a device of two categories',
      'ip,device,category\n10.0.0.1,A,iot\n10.0.0.2,A,non-iot\n',
      '"A" is non-iot here, but iot in',
    ],
  ])('%s is told in one line with file and line', (_, text, expected) => {
    expect(problem('f.csv', text)).toContain(expected);
  });

  test('a file that is not there', () => {
    expect(() => readLabelling(join(folder, 'none.csv'))).toThrow(
      /none.csv: cannot be read: .*expected a file of labels/,
    );
  });
});

describe('labels in YAML', () => {
  test('a list of rows', () => {
    const text =
      '- mac: 02:00:00:00:00:01\n  device: Plug\n- ip: [10.0.0.1, 10.0.0.2]\n  device: Phone\n  category: non-iot\n';
    expect(read('a.yaml', text)).toEqual([
      '02:00:00:00:00:01 mac Plug iot',
      '10.0.0.1 ip Phone non-iot',
      '10.0.0.2 ip Phone non-iot',
    ]);
  });

  test('a map from device to address, addresses or row, or from address to device', () => {
    const text =
      'Plug: 02:00:00:00:00:01\nCam:\n  - 10.0.0.1\n  - 10.0.0.2\nPhone: { ip: 10.0.0.3, category: non-iot }\n"10.0.0.4": Hub\n';
    expect(read('b.yml', text)).toEqual([
      '02:00:00:00:00:01 mac Plug iot',
      '10.0.0.1 ip Cam iot',
      '10.0.0.2 ip Cam iot',
      '10.0.0.3 ip Phone non-iot',
      '10.0.0.4 ip Hub iot',
    ]);
  });

  test.each([
    ['- mac: 02:00:00:00:00:01\n  devise: Plug\n', 'g.yaml:2: unknown column "devise" (did you mean "device"?)'],
    ['- mac: nonsense\n  device: Plug\n', 'g.yaml:1: expected a MAC address, found "nonsense"'],
    ['Plug: 02:00:00:00:00:01\nCam: 02:00:00:00:00:01\n', 'g.yaml:2: 02:00:00:00:00:01 belongs to "Plug"'],
    ['just text', 'g.yaml:1: expected a list or a map of labels'],
    ['a: [1\nb: 2', 'g.yaml:'],
  ])('%j is told in one line with file and line', (text, expected) => {
    expect(problem('g.yaml', text)).toContain(expected);
  });
});

test('the words file and folder', () => {
  expect(readLabelling('file')).toEqual({ by: 'file' });
  expect(readLabelling('folder')).toEqual({ by: 'folder' });
});

test('labels that are written are read as they were', () => {
  const labels = [
    { address: '02:00:00:00:00:01', kind: 'mac', device: 'Plug, "left" #1', category: 'iot' },
    { address: '2001:db8::1', kind: 'ip', device: ' Phone ', category: 'non-iot' },
  ] as const;
  expect(read('h.csv', formatLabels(labels))).toEqual([
    '02:00:00:00:00:01 mac Plug, "left" #1 iot',
    '2001:db8::1 ip Phone non-iot',
  ]);
});
