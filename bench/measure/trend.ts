/**
 * The straight line through points that fits best, by least squares.
 */

export interface Trend {
  /** Of y for one of x. */
  readonly slope: number;
  readonly at0: number;
}

export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const count = Math.max(points.length, 1);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const square = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const product = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const slope = square === 0 ? 0 : product / square;
  return { slope, at0: meanY - slope * meanX };
}
