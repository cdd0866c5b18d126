import { expect, test } from 'vitest';
import { CAPTURE_NAME, captureName } from '../../../src/trace/read/capture-name.js';

test.each([
  ['a/b/plug.pcap', 'plug'],
  ['plug.PCAPNG', 'plug'],
  ['plug.pcap.gz', 'plug'],
  ['plug.pcap.zst', 'plug'],
  ['plug.gz', 'plug'],
  ['camera.eth', 'camera'],
  // tcpdump -C, with -W too; logrotate, with dateext too.
  ['plug.pcap1', 'plug'],
  ['plug.pcap2.gz', 'plug'],
  ['plug.pcap007', 'plug'],
  ['plug.pcap.3', 'plug'],
  ['plug.pcap.3.gz', 'plug'],
  ['plug.pcap-20210308', 'plug'],
  // dumpcap -b, tcpdump -G.
  ['plug_00001_20210308152215.pcapng', 'plug'],
  ['plug_00012_20210308152215.pcapng.gz', 'plug'],
  ['plug-2021-03-08_15-22-15.pcap', 'plug'],
  ['plug_2021-03-08T15:22:15.pcap', 'plug'],
  ['plug-20210308.pcap3', 'plug'],
  ['plug-1615217000.pcap', 'plug'],
  // Part of the name.
  ['plug2.pcap', 'plug2'],
  ['blink-cam-01.pcap', 'blink-cam-01'],
  ['hub.v2.pcap', 'hub.v2'],
  ['192.168.1.5.pcap', '192.168.1.5'],
  ['plug', 'plug'],
  ['plug.kitchen', 'plug.kitchen'],
  ['.pcap', '.pcap'],
  ['2018-10-05.pcap', '2018-10-05'],
  ['20181005.pcap.gz', '20181005'],
])('%s is of %s', (path, name) => {
  expect(captureName(path)).toBe(name);
});

test.each(['a.pcap', 'a.pcap1', 'a.pcap1.gz', 'a.cap.xz', 'a.eth', 'a.dmp.1'])(
  '%s is the name of a capture',
  (name) => {
    expect(CAPTURE_NAME.test(name)).toBe(true);
  },
);

test.each(['a.txt', 'pcap', 'a.pcapx', 'a.gz', 'a.pcap.txt', 'ethernet'])('%s is not', (name) => {
  expect(CAPTURE_NAME.test(name)).toBe(false);
});
