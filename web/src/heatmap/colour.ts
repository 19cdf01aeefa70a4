// The colour scale: viridis, which keeps its order in grey and for colour-blind eyes.
const STOPS = [
  0x440154, 0x481a6c, 0x472f7d, 0x414487, 0x39568c, 0x31688e, 0x2a788e, 0x23888e, 0x1f988b, 0x22a884, 0x35b779, 0x54c568,
  0x7ad151, 0xa5db36, 0xd2e21b, 0xfde725,
] as const;

/** Red, green and blue at `share` of the scale, 0 to 1. */
export function viridis(share: number): [number, number, number] {
  const clamped = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0));
  const at = clamped * (STOPS.length - 1);
  const index = Math.min(Math.floor(at), STOPS.length - 2);
  const part = at - index;
  const [low, high] = [STOPS[index]!, STOPS[index + 1]!];
  const mix = (shift: number) => {
    const a = (low >> shift) & 0xff;
    const b = (high >> shift) & 0xff;
    return Math.round(a + (b - a) * part);
  };
  return [mix(16), mix(8), mix(0)];
}

export function css([red, green, blue]: [number, number, number]): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white, whichever reads better on the colour. */
export function ink([red, green, blue]: [number, number, number]): string {
  const linear = [red, green, blue].map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  return luminance > 0.2 ? "#0b1116" : "#ffffff";
}

/** Where `value` stands between the ends of the scale; the middle where they are one. */
export function share(value: number, [least, most]: readonly [number, number]): number {
  return most > least ? (value - least) / (most - least) : 0.5;
}
