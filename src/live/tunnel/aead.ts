import { createCipheriv, createDecipheriv } from 'node:crypto';

/** ChaCha20-Poly1305 (RFC 8439). */
const CIPHER = 'chacha20-poly1305';
/** Bytes of the tag. */
export const TAG = 16;

/** Returns the ciphertext and its tag. @param associated data that is authenticated with it */
export function encrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  plaintext: Uint8Array,
): [text: Buffer, tag: Buffer] {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  const text = cipher.update(plaintext);
  cipher.final();
  return [text, cipher.getAuthTag()];
}

/** Returns the plaintext; null where it is not authentic. @param sealed ciphertext followed by its tag, {@link TAG} bytes or more */
export function decrypt(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Buffer | null {
  const end = sealed.length - TAG;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  decipher.setAAD(associated, { plaintextLength: end });
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return plaintext;
}
