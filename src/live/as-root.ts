/** The command line of this process again, as root; for what a program or Node is not allowed to do. */
export function asRoot(): string {
  const words = [process.execPath, ...process.argv.slice(1)];
  return `sudo ${words.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')}`;
}
