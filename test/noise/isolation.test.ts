import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isolate } from '../../src/noise/isolation.js';
import { needs } from '../support/needs.js';
import { noBrowser } from '../support/no-browser.js';
import { homeveil, temporaryFolder } from '../support/run-cli.js';

const noRoot = process.getuid?.() === 0 ? null : 'not root';

needs(noRoot).describe('a browser of root', () => {
  test('has a sandbox and is another user’s, or is refused without the explicit switch', () => {
    const given = { executable: '/bin/true', user: 'nobody', sandbox: true };
    const isolation = isolate(given);
    expect(isolation.user).toBe('nobody');
    expect(statSync(dirname(isolation.executable)).mode & 0o777).toBe(0o700);
    isolation.close();
    expect(() => statSync(isolation.executable)).toThrow('ENOENT');
    expect(() => isolate({ ...given, user: '' })).toThrow(
      /no sandbox for root; expected browserUser: nobody .*browserSandbox: false/,
    );
    expect(() => isolate({ ...given, user: 'no-such-user' })).toThrow(
      'browserUser: expected a user of this machine, found "no-such-user"',
    );
    const explicit = isolate({ ...given, user: '', sandbox: false });
    expect(explicit.user).toBe(null);
    explicit.close();
  });
});

describe('a browser that does not start', () => {
  const start = (browser: string) => {
    const folder = temporaryFolder();
    const config = join(folder, 'noise.yaml');
    writeFileSync(
      config,
      `engine: browser\nbrowser: ${browser}\nactiveHours: 0-24\nstate: ${join(folder, 'state.json')}\n`,
    );
    const { status, stderr } = homeveil('noise', '--config', config);
    return { status, stderr };
  };

  needs(noRoot, noBrowser()).test('for another user cannot come to it: said in a line', () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o700);
    const browser = join(folder, 'chromium');
    writeFileSync(browser, '#!/bin/sh\n');
    chmodSync(browser, 0o755);
    expect(start(browser)).toEqual({
      status: 1,
      stderr: `homeveil: engine browser: ${browser} does not start as user nobody: spawn ${browser} EACCES\n`,
    });
  });

  test('for there is none: said in a line', () => {
    expect(start('/no/such/browser').stderr).toMatch(
      /^homeveil: engine browser: \/no\/such\/browser does not start[^\n]*\n$/,
    );
  });
});
