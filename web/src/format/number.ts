// Numbers for people: grouped, signed where the sign matters, with a real minus and a thin dash for
// what is undefined.

/** What stands where there is no number. */
export const NONE = "–";

const cache = new Map<string, Intl.NumberFormat>();

function formatter(least: number, most: number): Intl.NumberFormat {
  const key = `${least}/${most}`;
  let found = cache.get(key);
  if (!found) {
    found = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
    cache.set(key, found);
  }
  return found;
}

function defined(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** `value` with exactly `digits` after the point. */
export function decimal(value: number | null | undefined, digits: number): string {
  if (!defined(value)) return NONE;
  const text = formatter(digits, digits).format(value).replace("-", "−");
  return /^−0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

/** A whole number: `12,345`. */
export function count(value: number | null | undefined): string {
  return decimal(value, 0);
}

/** A count with its word: `1 slot`, `2 slots`. */
export function plural(amount: number, word: string): string {
  return `${count(amount)} ${word}${amount === 1 ? "" : "s"}`;
}

/** A fraction as percents: 0.0525 is `5.25 %`. */
export function percent(fraction: number | null | undefined, digits = 2): string {
  return defined(fraction) ? `${decimal(fraction * 100, digits)} %` : NONE;
}

/** The same with a plus before a gain. */
export function signed(text: string, value: number | null | undefined): string {
  return defined(value) && value > 0 && text !== NONE ? `+${text}` : text;
}

/** Three significant digits with a unit of size: `1.24 M`. */
export function compact(value: number | null | undefined): string {
  if (!defined(value)) return NONE;
  const size = Math.abs(value);
  for (const [unit, word] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (size >= unit * 0.9995) return `${significant(value / unit, 3)} ${word}`;
  }
  return significant(value, 3);
}

/** `value` with `digits` significant digits, never in powers of ten below a million. */
export function significant(value: number, digits: number): string {
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const before = Math.floor(Math.log10(Math.abs(rounded))) + 1;
  return decimal(rounded, Math.min(Math.max(digits - before, 0), 10));
}

/** A price: enough digits to tell neighbours apart. */
export function price(value: number | null | undefined): string {
  if (!defined(value)) return NONE;
  const size = Math.abs(value);
  return decimal(value, size >= 1000 ? 2 : size >= 1 ? 4 : 6);
}

/** A parameter or other plain number, as short as it can be written. */
export function plain(value: number): string {
  return formatter(0, 10).format(value).replace("-", "−");
}

/** The same texts without the zeros behind the point that all of them have. */
export function withoutZeros(texts: readonly string[]): string[] {
  const fraction = /\.(\d*?)(0*)(?=\D*$)/;
  const parts = texts.map((text) => fraction.exec(text));
  if (parts.every((part) => !part?.[1])) return texts.map((text) => text.replace(fraction, ""));
  const zeros = Math.min(...parts.map((part) => part?.[2]?.length ?? 0));
  return texts.map((text) => text.replace(new RegExp(`0{${zeros}}(?=\\D*$)`), ""));
}
