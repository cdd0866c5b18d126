/** Where labels go so that none lies on another: the renderer cannot tell, since it knows neither fonts nor neighbours. */

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
  /** What to write, best first: the next is tried only where the one before has no room. */
  readonly texts: readonly string[];
}

export interface PlacedLabel {
  /** Which of the texts, or -1 where there is room for none. */
  readonly choice: number;
  /** Centre of the text less the point, in pixels. */
  readonly dx: number;
  readonly dy: number;
  /** Where a line from the point should end, less the point; null for a label beside its point. */
  readonly leader: { readonly dx: number; readonly dy: number } | null;
}

/** Distances from the point to the label's nearest edge, in pixels; the last text of a request is tried on all of them. */
const RINGS = [8, 14, 24, 36, 50, 66, 84, 104];
/** Rings on which a label is clearly its point's own, without a line. */
const CLOSE_RINGS = 2;
/** Directions in order of preference: right, left, then above and below, then between. */
const DIRECTIONS = [0, 180, 270, 90, 315, 45, 225, 135, 337, 23, 203, 157].map((degrees) => (degrees * Math.PI) / 180);

/**
 * Places a label for each request, in order: earlier ones have the better choice.
 * @param frame what no label may leave
 * @param obstacles what no label may cover: marks, other text
 */
export function placeLabels(
  requests: readonly LabelRequest[],
  frame: Box,
  obstacles: readonly Box[],
  fontSize: number,
): PlacedLabel[] {
  const taken = [...obstacles];
  return requests.map((request) => {
    for (const [choice, text] of request.texts.entries()) {
      const width = textWidth(text, fontSize);
      const rings = choice === request.texts.length - 1 ? RINGS : RINGS.slice(0, CLOSE_RINGS);
      for (const [ring, distance] of rings.entries()) {
        for (const direction of DIRECTIONS) {
          const [ux, uy] = [Math.cos(direction), Math.sin(direction)];
          const dx = ux * (distance + width / 2);
          const dy = uy * (distance + fontSize / 2);
          const box = boxAround(request.x + dx, request.y + dy, width, fontSize * 1.2);
          if (!inside(box, frame) || taken.some((other) => overlap(box, other))) continue;
          taken.push(box);
          const far = ring >= CLOSE_RINGS;
          return { choice, dx, dy, leader: far ? { dx: ux * (distance - 3), dy: uy * (distance - 3) } : null };
        }
      }
    }
    return { choice: -1, dx: 0, dy: 0, leader: null };
  });
}

/** A generous estimate of the width of `text` in a sans-serif font, in pixels: wide scripts are a square a character. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) ems += character.codePointAt(0)! >= 0x1100 ? 1 : 0.6;
  return ems * fontSize;
}

export function boxAround(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function inside(box: Box, frame: Box): boolean {
  return box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
}
