// The part of a curve that is looked at is in the address, as `curve`.
import { param, setQuery } from "../routing/location";
import { rangeOf, rangeText } from "../routing/range";

/** The part of a line chart by the address; `time` says whether its places are seconds. */
export function zoomOf(time: boolean) {
  const unit = time ? 1000 : 1;
  const range = rangeOf(param("curve"));
  return {
    part: range && ([range[0] / unit, range[1] / unit] as const),
    onPart: (part: readonly [number, number] | null) => setQuery({ curve: part && rangeText([part[0] * unit, part[1] * unit], time) }),
  };
}
