// Fields that write one value of the draft.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

import type { Json, JsonObject } from "../api/shapes";
import { at, put, type Path } from "./draft";

/** The draft and how it is changed. */
export interface Editing {
  draft: JsonObject;
  change(draft: JsonObject): void;
}

export function Field({ label, help, full, children }: { label: string; help?: string | undefined; full?: boolean; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class={full ? "field full" : "field"}>
      <label for={id}>{label}</label>
      {children(id)}
      {help && <span class="help">{help}</span>}
    </div>
  );
}

interface ValueFieldProps extends Editing {
  label: string;
  path: Path;
  help?: string;
  full?: boolean;
}

export function TextField({ draft, change, label, path, help, full }: ValueFieldProps) {
  const value = at(draft, path);
  return (
    <Field label={label} help={help} full={full ?? false}>
      {(id) => (
        <input
          id={id}
          type="text"
          value={typeof value === "string" ? value : ""}
          onInput={(event) => change(put(draft, path, event.currentTarget.value || undefined) as JsonObject)}
        />
      )}
    </Field>
  );
}

export function NumberField({ draft, change, label, path, help, placeholder }: ValueFieldProps & { placeholder?: string }) {
  const value = at(draft, path);
  return (
    <Field label={label} help={help}>
      {(id) => (
        <NumberInput id={id} value={typeof value === "number" ? value : null} placeholder={placeholder} set={(next) => change(put(draft, path, next ?? undefined) as JsonObject)} />
      )}
    </Field>
  );
}

export function NumberInput(props: { id?: string; label?: string; value: number | null; placeholder?: string | undefined; set: (value: number | null) => void }) {
  return (
    <input
      id={props.id}
      type="number"
      step="any"
      aria-label={props.label}
      value={props.value ?? ""}
      placeholder={props.placeholder}
      onChange={(event) => {
        const text = event.currentTarget.value;
        const value = Number(text);
        props.set(text === "" || !Number.isFinite(value) ? null : value);
      }}
    />
  );
}

/** A day in a field; the draft has the time at its beginning. */
export function DayField({ draft, change, label, path }: ValueFieldProps) {
  const value = at(draft, path);
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          type="date"
          value={typeof value === "string" ? value.slice(0, 10) : ""}
          onChange={(event) => {
            const day = event.currentTarget.value;
            if (day !== "") change(put(draft, path, `${day}T00:00:00Z`) as JsonObject);
          }}
        />
      )}
    </Field>
  );
}

/** Boxes of which some are ticked, at least one. */
export function Chips({ label, options, values, set }: { label: string; options: readonly string[]; values: readonly Json[]; set: (values: string[]) => void }) {
  const turn = (option: string) => {
    const next = options.filter((each) => (each === option) !== values.includes(each));
    if (next.length > 0) set(next);
  };
  return (
    <div class="field full" role="group" aria-label={label}>
      <span class="label">{label}</span>
      <div class="chips">
        {options.map((option) => (
          <label key={option} class="chip">
            <input type="checkbox" checked={values.includes(option)} onChange={() => turn(option)} />
            {option}
          </label>
        ))}
      </div>
    </div>
  );
}
