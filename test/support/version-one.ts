import { createCipheriv, createHmac } from 'node:crypto';

/** A key as the tunnel derives it: HKDF of RFC 5869 by its two steps, an extract with an empty salt and an expand of one block. */
export function derive(secret: Uint8Array, purpose: string, context: Uint8Array = Buffer.alloc(0)): Buffer {
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const info = Buffer.concat([Buffer.from(`homeveil tunnel ${purpose}`), context, Buffer.of(1)]);
  return createHmac('sha256', extracted).update(info).digest();
}

/** A datagram of the home in version 1 of the format, which had no handshake. */
export function sealVersionOne(secret: Uint8Array, plaintext: string): Buffer {
  const block = Buffer.alloc(16);
  block.writeUIntBE(Date.UTC(2026, 5, 1), 0, 6);
  block.writeUIntBE(7, 11, 5);
  const prefix = createCipheriv('aes-256-ecb', derive(secret, '1 outbound prefix'), null).update(block);
  const nonce = Buffer.concat([Buffer.alloc(7), block.subarray(11)]);
  const key = derive(secret, '1 outbound session', block.subarray(0, 11));
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.setAAD(prefix, { plaintextLength: plaintext.length });
  return Buffer.concat([prefix, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}
