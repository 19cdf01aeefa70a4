// Curves of several jobs on one axis.
import type { Curve } from "../job/series";

/** The places of all curves, ascending, and each curve's growth there; null where it has no point. */
export function overlay(curves: readonly { curve: Curve; initial: number }[]): { x: number[]; lines: (number | null)[][] } {
  const x = [...new Set(curves.flatMap(({ curve }) => curve.at))].sort((a, b) => a - b);
  const lines = curves.map(({ curve, initial }) => {
    const at = new Map(curve.at.map((time, index) => [time, curve.equity[index] ?? 0]));
    return x.map((time) => {
      const value = at.get(time);
      return value === undefined ? null : value / initial - 1;
    });
  });
  return { x, lines };
}
