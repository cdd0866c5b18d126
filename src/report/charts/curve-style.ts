/** Draws curves with `defended: false` dashed, others solid. */
export const DASHED_WITHOUT_DEFENSE = {
  field: 'defended',
  type: 'nominal',
  legend: null,
  scale: {
    domain: [false, true],
    range: [
      [7, 3],
      [1, 0],
    ],
  },
} as const;
