import { createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { generate } from 'selfsigned';

/** A key and its certificate, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const DAY = 86_400_000;
/** Milliseconds of validity before and after now. All of the lab has one clock; the day before allows for a wrong time zone. */
const BEFORE = DAY;
const AFTER = 7 * DAY;

/** Bytes of the tag and length of a name. */
const FRAME = 2;
/** Bytes of the longest name without a dot (RFC 1035, section 2.3.4). */
const LONGEST_LABEL = 63;
/** Attempts to reach a length: filling lengthens the length fields around it, and serial numbers vary by a byte. */
const TRIES = 3;

/** Creates an RSA key of 2048 bits, in PEM. That takes a quarter of a second, so certificates may share a key. */
export async function createKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * Creates a self-signed certificate for servers of the lab. A client that is to trust it adds it to its certificate authorities.
 * @param names DNS names and IP addresses
 * @param bytes length of the certificate (DER) to within two bytes, reached by meaningless names; longer where `names` need more
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

/** Meaningless names that take `bytes` bytes. */
function fillers(bytes: number): string[] {
  const count = Math.ceil(bytes / (FRAME + LONGEST_LABEL));
  return Array.from({ length: count }, (_, i) => 'x'.repeat(Math.floor((bytes + i) / count) - FRAME));
}
