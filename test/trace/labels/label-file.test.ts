import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError, UsageError } from '../../../src/shared/errors.js';
import { formatLabels, readLabelling } from '../../../src/trace/labels/label-file.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(name: string, text: string | Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, text);
  const labelling = readLabelling(path);
  return labelling.by === 'address' ? labelling.labels.map((label) => Object.values(label).join(' ')) : labelling.by;
}

function problem(name: string, text: string | Uint8Array): string {
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
      'f.csv:1: expected a column device, found mac, devise (did you mean "device"?)',
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
    ['an open quote', 'ip,device\n10.0.0.1,"Plug\n', 'f.csv:2: expected a closing quote, found the end of the file'],
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
    [
      '- mac: 02:00:00:00:00:01\n  devise: Plug\n',
      'g.yaml:1: expected a device name, found none; not used: "devise" (did you mean "device"?)',
    ],
    ['- mac: nonsense\n  device: Plug\n', 'g.yaml:1: expected a MAC address, found "nonsense"'],
    ['Plug: 02:00:00:00:00:01\nCam: 02:00:00:00:00:01\n', 'g.yaml:2: 02:00:00:00:00:01 belongs to "Plug"'],
    ['just text', 'g.yaml:1: expected a list or a map of labels'],
    ['a: [1\nb: 2', 'g.yaml:'],
  ])('%j is told in one line with file and line', (text, expected) => {
    expect(problem('g.yaml', text)).toContain(expected);
  });
});

test('the words file and folder, with the level of the folder', () => {
  expect(readLabelling('file')).toEqual({ by: 'file' });
  expect(readLabelling('folder')).toEqual({ by: 'folder' });
  expect(readLabelling('folder=2')).toEqual({ by: 'folder', level: 2 });
  expect(readLabelling('folder=top', ['a'])).toEqual({ by: 'folder', level: 'top', roots: ['a'] });
});

test.each(['folder=', 'folder=0', 'folder=-1', 'folder=1.5', 'folder=up'])('%s is a usage error', (word) => {
  expect(() => readLabelling(word)).toThrow(UsageError);
  expect(() => readLabelling(word)).toThrow(`--labels ${word}: expected folder=N`);
});

describe('label files as programs save them', () => {
  const text = 'mac;device\r\n02:00:00:00:00:01;Küche\r\n02:00:00:00:00:02;Käche\r\n';
  const expected = ['02:00:00:00:00:01 mac Küche iot', '02:00:00:00:00:02 mac Käche iot'];
  const wide = Buffer.from(text, 'utf16le');
  const warningsOf = (name: string) => {
    const labelling = readLabelling(join(folder, name));
    return labelling.by === 'address' ? (labelling.warnings ?? []).map((line) => line.replace(`${folder}/`, '')) : [];
  };

  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-8 in decomposed letters', Buffer.from(text.normalize('NFD'))],
    ['UTF-16, little-endian', wide],
    ['UTF-16, little-endian with a mark', Buffer.concat([Buffer.from('fffe', 'hex'), wide])],
    ['UTF-16, big-endian', Buffer.from(wide).swap16()],
    ['UTF-16, big-endian with a mark', Buffer.concat([Buffer.from('feff', 'hex'), Buffer.from(wide).swap16()])],
  ])('%s is read and nothing said', (_, bytes) => {
    expect(read('i.csv', bytes)).toEqual(expected);
    expect(warningsOf('i.csv')).toEqual([]);
  });

  test('windows-1252 is read, and told with the line that is not UTF-8', () => {
    expect(read('j.csv', Buffer.from(text, 'latin1'))).toEqual(expected);
    expect(warningsOf('j.csv')).toEqual([
      'j.csv:2: not UTF-8, read as windows-1252: if names look wrong, save it as UTF-8',
    ]);
    // The euro sign is 0x80 there, and a control in Latin-1.
    expect(read('k.csv', Buffer.from('mac,device\n02:00:00:00:00:01,\x80\n', 'latin1'))).toEqual([
      '02:00:00:00:00:01 mac € iot',
    ]);
  });

  test('bytes that are text in no such encoding are refused with the line', () => {
    // "Camera" in Shift JIS: 0x83 0x4a, 0x83 0x81, 0x83 0x89; windows-1252 has no 0x81.
    const bytes = Buffer.concat([Buffer.from('mac,device\n02:00:00:00:00:01,'), Buffer.from('834a83818389', 'hex')]);
    expect(problem('l.csv', bytes)).toBe(
      'l.csv:2: expected text in UTF-8, UTF-16 or windows-1252, found the byte 83; save it as UTF-8',
    );
    expect(problem('l.csv', Buffer.concat([Buffer.from('fffe', 'hex'), wide.subarray(1)]))).toContain(
      'l.csv: expected UTF-16, an even number of bytes',
    );
  });

  test('letters that were lost before are told', () => {
    read('m.csv', 'mac,device\n02:00:00:00:00:01,K\ufffdche\n02:00:00:00:00:02,K\ufffdche\n');
    expect(warningsOf('m.csv')).toEqual(['m.csv:2: "K\ufffdche" has lost letters before it was saved (U+FFFD)']);
  });

  test.each([
    ['a line that names the separator', 'sep=;\r\nmac;device\r\n02-00-00-00-00-01;Plug\r\n'],
    ['one in quotes, as a table would be saved again', '"sep=;"\nmac;device\n02:00:00:00:00:01;Plug\n'],
    ['a separator that is in the header otherwise', 'sep=|\nmac|device\n02:00:00:00:00:01|Plug\n'],
    ['rows of separators', ',,\nmac,device,\n02:00:00:00:00:01,Plug,\n,,\n , ,\n'],
    ['rows longer than the header by empty cells', 'mac,device\n02:00:00:00:00:01,Plug,,,\n'],
    ['quoted cells', '"mac","device"\n"02:00:00:00:00:01","Plug"\n'],
    ['a line end in a quoted cell', 'mac,device\n02:00:00:00:00:01,"\r\nPlug"\r\n'],
    ['old Macintosh line ends', 'mac,device\r02:00:00:00:00:01,Plug\r'],
    ['headers of other tables', 'MAC Address,Device Name\n02:00:00:00:00:01,Plug\n'],
  ])('%s', (_, text) => {
    expect(read('n.csv', text)).toEqual(['02:00:00:00:00:01 mac Plug iot']);
    expect(warningsOf('n.csv')).toEqual([]);
  });

  test('lines are counted through quoted line ends', () => {
    expect(problem('o.csv', 'mac,device\n02:00:00:00:00:01,"a\nb"\nx,Plug\n')).toContain('o.csv:4: expected a MAC');
  });

  test('further columns are not used, which is told once', () => {
    expect(read('p.csv', 'mac,device,notes,room\n02:00:00:00:00:01,Plug,,\n02:00:00:00:00:02,Cam,"a,b",x\n')).toEqual([
      '02:00:00:00:00:01 mac Plug iot',
      '02:00:00:00:00:02 mac Cam iot',
    ]);
    expect(warningsOf('p.csv')).toEqual(['p.csv:1: not used: columns "notes", "room"']);
    read(
      'q.yaml',
      '- { mac: 02:00:00:00:00:01, device: Plug, room: hall }\n- { mac: 02:00:00:00:00:02, device: Cam, room: x }',
    );
    expect(warningsOf('q.yaml')).toEqual(['q.yaml:1: not used: column "room"']);
    read('r.csv', 'mac,device,categroy\n02:00:00:00:00:01,Plug,non-iot\n');
    expect(warningsOf('r.csv')).toEqual(['r.csv:1: not used: column "categroy" (did you mean "category"?)']);
  });

  test("UNSW's list of devices: columns padded with tabs, a name for the rows below it", () => {
    const rows = [
      'List of Devices \t\t\t    MAC ADDRESS \t\tConnection Type',
      '',
      'Smart Things \t\t\t\t    02:00:00:00:00:01 \tWired',
      'Insteon Camera \t\t\t    02:00:00:00:00:02\tWired',
      '\t\t\t\t\t    02:00:00:00:00:03 \tWireless',
      'TPLink Router Bridge LAN (Gateway) \t02:00:00:00:00:fe \t ',
    ];
    const expected = [
      '02:00:00:00:00:01 mac Smart Things iot',
      '02:00:00:00:00:02 mac Insteon Camera iot',
      '02:00:00:00:00:03 mac Insteon Camera iot',
      '02:00:00:00:00:fe mac TPLink Router Bridge LAN (Gateway) iot',
    ];
    expect(read('s.txt', rows.join('\r\n'))).toEqual(expected);
    expect(warningsOf('s.txt')).toEqual(['s.txt:1: not used: column "Connection Type"']);
    // The same with single tabs in the header only, and with spaces.
    expect(read('s.txt', rows.join('\n').replace(/^.*/, 'List of Devices\tMAC ADDRESS\tConnection Type'))).toEqual(
      expected,
    );
    expect(read('s.txt', rows.join('\n').replaceAll('\t', '    '))).toEqual(expected);
  });

  test("Mon(IoT)r's list of devices: an address and a name on each line", () => {
    expect(read('t.txt', '0:3:7f:4f:c6:b5 blink-security-hub\n# phones\n\nc:2a:69:e:91:16\tikettle 2 \n')).toEqual([
      '00:03:7f:4f:c6:b5 mac blink-security-hub iot',
      '0c:2a:69:0e:91:16 mac ikettle 2 iot',
    ]);
    expect(problem('t.txt', '0:3:7f:4f:c6:b5 hub\nikettle\n')).toBe(
      't.txt:2: expected an address and a name, as in the lines above, found "ikettle"',
    );
  });
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
