import { createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { generate } from 'selfsigned';

/** In PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const DAY = 86_400_000;
/** Clocks of the lab are one clock; a day for time zones that were set wrong. */
const BEFORE = DAY;
const AFTER = 7 * DAY;

/** A name's tag and length. */
const FRAME = 2;
/** Of a name without a dot (RFC 1035, section 2.3.4). */
const LONGEST_LABEL = 63;
/** What is filled in lengthens the lengths of what it is in, and a serial number may be a byte shorter than the last. */
const TRIES = 3;

/** An RSA key of 2048 bits, in PEM. Takes a quarter of a second: several certificates may share one. */
export async function createKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * A certificate for servers of the lab, signed by itself: who is to trust it takes it for an authority.
 * @param names DNS names and IP addresses
 * @param bytes of the certificate (DER), to within two: filled with names that mean nothing. One whose own names need more is longer
 */
export async function createCertificate(names: readonly string[], bytes = 0, key?: string): Promise<Certificate> {
  const privateKey = key ?? (await createKey());
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const now = Date.now();
  const make = async (fill: number) => {
    const { cert } = await generate([{ name: 'commonName', value: names[0]! }], {
      keyPair: { privateKey, publicKey },
      algorithm: 'sha256',
      notBeforeDate: new Date(now - BEFORE),
      notAfterDate: new Date(now + AFTER),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        { name: 'subjectAltName', altNames: [...names, ...fillers(fill)].map(altName) },
      ],
    });
    return cert;
  };
  let cert = await make(0);
  for (let tries = 0, fill = 0; tries < TRIES; tries++) {
    fill += bytes - new X509Certificate(cert).raw.length;
    if (fill < FRAME + 1) break;
    cert = await make(fill);
  }
  return { key: privateKey, cert };
}

function altName(name: string): { type: 2; value: string } | { type: 7; ip: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}

/** Names that take so many bytes. */
function fillers(bytes: number): string[] {
  const count = Math.ceil(bytes / (FRAME + LONGEST_LABEL));
  return Array.from({ length: count }, (_, i) => 'x'.repeat(Math.floor((bytes + i) / count) - FRAME));
}
