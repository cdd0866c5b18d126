/** Places labels so that none covers another. The renderer cannot, since it knows neither fonts nor neighbours. */

/** A rectangle in pixels; y grows downwards. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface LabelRequest {
  /** The point to be labelled, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Texts, best first. The next one is tried only if the previous one has no room. */
  readonly texts: readonly string[];
}

export interface PlacedLabel {
  /** Index of the text. */
  readonly choice: number;
  /** Generous estimate of its box. */
  readonly box: Box;
  /** The anchor of the text. Right of a point it is the left end, so that a wrong estimate of the width matters least. */
  readonly align: 'left' | 'center' | 'right';
  /** Offset of the anchor, at the middle of the text's height, from the point in pixels. */
  readonly dx: number;
  readonly dy: number;
  /** Offset of the end of a line from the point; null for a label beside its point. */
  readonly leader: { readonly dx: number; readonly dy: number } | null;
}

/** Distances from the point to the nearest edge of the label in pixels. The last text of a request is tried on all of them. */
const RINGS = [8, 14, 24, 36, 50, 66, 84, 104];
/** Number of rings on which a label needs no line to its point. */
const CLOSE_RINGS = 2;
/** Space beside a label, so that two are not read as one. */
const SPACE = 5;
/** Directions in order of preference: right, left, above, below, then between. */
const DIRECTIONS = [0, 180, 270, 90, 315, 45, 225, 135, 337, 23, 203, 157].map((degrees) => (degrees * Math.PI) / 180);

/**
 * Places a label for each request. Earlier requests choose first. A label without a line is nearer to its own point than to any
 * other. Null if there is no room.
 * @param frame the area that labels may not leave
 * @param obstacles marks and other text, which labels may not cover
 * @param lines areas that a label may cover if the same text has no other place
 * @param references areas that a label may cover only if no shorter text has another place
 */
export function placeLabels(
  requests: readonly LabelRequest[],
  frame: Box,
  obstacles: readonly Box[],
  lines: readonly Box[],
  fontSize: number,
  references: readonly Box[] = [],
): (PlacedLabel | null)[] {
  const taken = [...obstacles];
  return requests.map((request) => {
    const free = ({ box }: { readonly box: Box }, some: readonly Box[]) => !some.some((other) => overlap(box, other));
    const tries = [references, []].flatMap((kept) => request.texts.map((text, choice) => ({ kept, text, choice })));
    for (const { kept, text, choice } of tries) {
      const rings = choice === request.texts.length - 1 ? RINGS : RINGS.slice(0, CLOSE_RINGS);
      const candidates = candidatesFor(request, textWidth(text, fontSize) + SPACE, fontSize, rings).filter(
        ({ box, leader }) =>
          inside(box, frame) &&
          free({ box }, taken) &&
          free({ box }, kept) &&
          (leader !== null || requests.every((other) => distance(box, other) >= distance(box, request))),
      );
      const found = candidates.find((candidate) => free(candidate, lines)) ?? candidates[0];
      if (!found) continue;
      taken.push(found.box);
      return { ...found, choice };
    }
    return null;
  });
}

/** All places for a text of `width` around its point, best first. */
function candidatesFor({ x, y }: LabelRequest, width: number, fontSize: number, rings: readonly number[]) {
  return rings.flatMap((radius, ring) =>
    DIRECTIONS.map((direction) => {
      const [ux, uy] = [Math.cos(direction), Math.sin(direction)];
      // The side or corner of the text that faces the point lies at `radius` from it.
      const [sideX, sideY] = [ux, uy].map((u) => (Math.abs(u) < 0.3 ? 0 : Math.sign(u))) as [number, number];
      const dx = ux * radius;
      const dy = uy * radius + (sideY * fontSize) / 2;
      return {
        box: boxAround(x + dx + (sideX * width) / 2, y + dy, width, fontSize * 1.2),
        align: (['right', 'center', 'left'] as const)[sideX + 1]!,
        dx,
        dy,
        leader: ring < CLOSE_RINGS ? null : { dx: ux * (radius - 3), dy: uy * (radius - 3) },
      };
    }),
  );
}

/** A generous estimate of the width of `text` in a sans-serif font in pixels. A character of a wide script is square. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) ems += character.codePointAt(0)! >= 0x1100 ? 1 : 0.65;
  return ems * fontSize;
}

export function boxAround(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Distance from a point to `box` in pixels. */
function distance(box: Box, { x, y }: { readonly x: number; readonly y: number }): number {
  return Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
}

function inside(box: Box, frame: Box): boolean {
  return box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
}
