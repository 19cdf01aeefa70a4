// The strategy of the draft: named signals with their arguments, or conditions as text.
import type { JsonObject, Language, Signal } from "../api/shapes";
import { Icon } from "../ui/icon";
import {
  at,
  firstSweep,
  fixArgument,
  isObject,
  put,
  reference,
  removeSignal,
  scenarioOf,
  sweepArgument,
  sweepOf,
  withScenario,
  type Sweep,
} from "./draft";
import { Field, NumberInput, TextField, type Editing } from "./fields";

type Parameter = Signal["parameters"][number];

export function StrategyForm({ draft, change, language }: Editing & { language: Language }) {
  const entries = scenarioOf(draft);
  if (entries === null) return <TextForm draft={draft} change={change} />;
  const add = (name: string) => name !== "" && change(withScenario(draft, [...entries, { name, args: {} }]));
  return (
    <div class="stack">
      {entries.map((entry, index) => {
        const signal = language.items.find((each) => each.name === entry.name);
        return (
          <section class="signal" key={`${index}${entry.name}`}>
            <div class="row">
              <strong>{entry.name}</strong>
              {signal && <span class="chip">{signal.kind}</span>}
              {signal && <span class="muted summary">{signal.summary}</span>}
              <button type="button" class="button quiet small icon" aria-label={`take ${entry.name} out`} disabled={entries.length === 1} onClick={() => change(removeSignal(draft, index))}>
                <Icon name="close" />
              </button>
            </div>
            <div class="form">
              {signal?.parameters.map((parameter) => (
                <Argument key={parameter.name} draft={draft} change={change} index={index} args={entry.args} parameter={parameter} />
              ))}
            </div>
          </section>
        );
      })}
      <div class="form">
        <Field label="Add a signal" help="Signals must agree; trends and contexts only filter.">
          {(id) => (
            <select id={id} value="" onChange={(event) => add(event.currentTarget.value)}>
              <option value="">choose…</option>
              {["entry", "trend", "context"].map((kind) => (
                <optgroup key={kind} label={kind}>
                  {language.items
                    .filter((signal) => signal.kind === kind)
                    .map((signal) => (
                      <option key={signal.name} value={signal.name}>
                        {signal.name}
                      </option>
                    ))}
                </optgroup>
              ))}
            </select>
          )}
        </Field>
        {entries.length > 1 && (
          <Field label="Candles in which they must agree">
            {(id) => {
              const path = ["universalConfig", "strategy", "lookback"];
              const value = at(draft, path);
              return <NumberInput id={id} value={typeof value === "number" ? value : null} placeholder="1" set={(next) => change(put(draft, path, next ?? undefined) as JsonObject)} />;
            }}
          </Field>
        )}
      </div>
    </div>
  );
}

function Argument({ draft, change, index, args, parameter }: Editing & { index: number; args: JsonObject; parameter: Parameter }) {
  const value = args[parameter.name];
  const name = reference(value);
  const sweep = name === null ? null : sweepOf(draft, name);
  const standing = parameter.default === null || parameter.default === undefined ? "left out" : String(parameter.default);
  if (parameter.kind === "choice") {
    return (
      <Field label={parameter.name}>
        {(id) => (
          <select id={id} value={typeof value === "string" ? value : ""} onChange={(event) => change(fixArgument(draft, index, parameter.name, event.currentTarget.value || undefined))}>
            <option value="">{standing}</option>
            {(parameter.choices ?? []).map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  }
  const turn = () => change(sweep === null ? sweepArgument(draft, index, parameter, firstSweep(parameter)) : fixArgument(draft, index, parameter.name, undefined));
  return (
    <div class="field">
      <span class="label row">
        {parameter.name}
        <label class="inline">
          <input type="checkbox" checked={sweep !== null} onChange={turn} /> sweep
        </label>
      </span>
      {sweep === null ? (
        <NumberInput
          label={parameter.name}
          value={typeof value === "number" ? value : null}
          placeholder={name === null ? standing : `parameter ${name}`}
          set={(next) => change(fixArgument(draft, index, parameter.name, next ?? undefined))}
        />
      ) : (
        <SweepInputs name={parameter.name} sweep={sweep} set={(next) => change(sweepArgument(draft, index, parameter, next))} />
      )}
    </div>
  );
}

function SweepInputs({ name, sweep, set }: { name: string; sweep: Sweep; set: (sweep: Sweep) => void }) {
  return (
    <div class="sweep">
      {(["from", "to", "step"] as const).map((part) => (
        <NumberInput key={part} label={`${name} ${part}`} value={sweep[part]} set={(value) => value !== null && set({ ...sweep, [part]: value })} />
      ))}
      <span class="help">from</span>
      <span class="help">to</span>
      <span class="help">step</span>
    </div>
  );
}

const SIDES = [
  ["long", "Go long when"],
  ["short", "Go short when"],
  ["exitLong", "Leave a long when"],
  ["exitShort", "Leave a short when"],
] as const;

function TextForm({ draft, change }: Editing) {
  const signals = at(draft, ["universalConfig", "strategy", "signals"]);
  const written = isObject(signals) && Object.values(signals).every((value) => typeof value === "string");
  if (!written) {
    return <p class="muted">This strategy is written as a tree of conditions: edit it under JSON. The other fields work as before.</p>;
  }
  const params = at(draft, ["universalConfig", "strategy", "params"]);
  const names = isObject(params) ? Object.keys(params) : [];
  return (
    <div class="form">
      {SIDES.map(([side, label]) => (
        <TextField key={side} draft={draft} change={change} full label={label} path={["universalConfig", "strategy", "signals", side]} />
      ))}
      {names.map((name) => {
        const sweep = sweepOf(draft, name);
        return (
          <div class="field" key={name}>
            <span class="label">${name}</span>
            {sweep ? (
              <SweepInputs name={name} sweep={sweep} set={(next) => change(put(draft, ["parameterVariants", name], { ...next }) as JsonObject)} />
            ) : (
              <span class="help">{at(draft, ["parameterVariants", name]) === undefined ? "its default" : "a list of values: edit it under JSON"}</span>
            )}
          </div>
        );
      })}
    </div>
  );
}
