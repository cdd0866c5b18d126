/** IPv4 address of a 32-bit word, as text. */
export function ipv4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** IPv6 address of four 32-bit words, highest first, in the canonical text form of RFC 5952. */
export function ipv6Text(a: number, b: number, c: number, d: number): string {
  if (a === 0 && b === 0 && c === 0xffff) return `::ffff:${ipv4Text(d)}`;
  const groups = [a, b, c, d].flatMap((word) => [(word >>> 16) & 0xffff, word & 0xffff]);
  // Section 4.2: the longest run of at least two zero groups becomes '::', the first one where two are as long.
  let from = 0;
  let zeros = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > zeros) {
      from = i;
      zeros = end - i;
    }
    if (end > i) i = end;
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return zeros === 1 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + zeros))}`;
}

/** MAC address of its upper 16 and lower 32 bits, in lower case with colons. */
export function macText(high: number, low: number): string {
  const digits = (high & 0xffff).toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0');
  return digits.match(/../g)!.join(':');
}
