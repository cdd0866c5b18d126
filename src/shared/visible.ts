/**
 * Everything that does not show: control characters, C1 among them, which terminals obey; marks that turn the direction of text; characters
 * without width; halves of surrogate pairs. Emoji keep what joins and colours them.
 */
const UNSEEN =
  /(?![\n\t])(?!(?<=\p{Extended_Pictographic}[\uFE0F\u{1F3FB}-\u{1F3FF}]?)\u200D(?=\p{Extended_Pictographic}))(?![\uFE00-\uFE0F])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * `text` as it may reach a terminal: what is unseen is written as `\u001b`, line ends and tabs stay. Names of devices, files, hosts and
 * interfaces come from others, who could otherwise move the cursor, set the clipboard or forge a line. JSON keeps its meaning, since these
 * are its own escapes.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, escapeUnits);
}

/** The same on one line: line ends and tabs, and spaces beside them, become one space. */
export function visibleLine(text: string): string {
  return visible(text.replaceAll(/ *(?:\r\n|[\n\t])[ \n\t]*/g, ' '));
}

function escapeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
