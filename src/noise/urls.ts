import { getDomain } from 'tldts';

/** `text` as an absolute URL without its fragment; null where it is not a URL. */
export function parseUrl(text: string, base?: string | URL): URL | null {
  try {
    const url = new URL(text, base);
    url.hash = '';
    return url;
  } catch {
    return null;
  }
}

/** Host name or address, without the brackets that a URL puts around an IPv6 address. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Registrable domain of a URL, such as `bbc.co.uk`; for an address, the address. */
export function siteOf(url: URL): string {
  return getDomain(url.hostname, { allowPrivateDomains: true }) ?? url.hostname;
}

export function hasScheme(text: string): boolean {
  return /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** URL of a root, with https where it has no scheme; null where it is not an http or https URL. */
export function rootOf(text: string): string | null {
  if (text === '' || /^[a-z][a-z0-9+.-]*:(?!\/\/|\d+(\/|$))/i.test(text)) return null;
  const url = parseUrl(hasScheme(text) ? text : `https://${text}`);
  return url && (url.protocol === 'http:' || url.protocol === 'https:') ? url.href : null;
}
