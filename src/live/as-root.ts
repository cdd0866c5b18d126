/** Command that runs this process again as root, to show where this process lacks a right. */
export function asRoot(): string {
  const words = [process.execPath, ...process.argv.slice(1)];
  return `sudo ${words.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')}`;
}
