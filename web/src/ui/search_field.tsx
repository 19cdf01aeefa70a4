// A field whose text is in the query of the address, a moment after the last key.
import { useEffect, useRef, useState } from "preact/hooks";

import { param, setQuery } from "../routing/location";

const PAUSE_MS = 250;

export function SearchField({ name, label, placeholder, help }: { name: string; label: string; placeholder?: string; help?: string }) {
  const value = param(name);
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ [name]: next }), PAUSE_MS);
  };
  return (
    <input
      type="search"
      name={name}
      aria-label={label}
      placeholder={placeholder ?? label}
      title={help}
      value={text}
      onInput={(event) => type(event.currentTarget.value)}
    />
  );
}
