// Cards, figures, tabs and pickers.
import type { ComponentChildren } from "preact";

import { withQuery } from "../routing/location";

export function Card(props: { title: ComponentChildren; actions?: ComponentChildren; bare?: boolean; children: ComponentChildren }) {
  return (
    <section class="card">
      <header>
        <h2>{props.title}</h2>
        {props.actions}
      </header>
      {props.bare ? props.children : <div class="body">{props.children}</div>}
    </section>
  );
}

/** A figure with its name. */
export interface Figure {
  label: string;
  value: ComponentChildren;
  hint?: ComponentChildren;
  tone?: string;
}

export function Figures({ of: figures }: { of: readonly Figure[] }) {
  return (
    <dl class="stats number">
      {figures.map(({ label, value, hint, tone }) => (
        <div class="stat" key={label}>
          <dt>{label}</dt>
          <dd class={tone}>
            {value}
            {hint !== undefined && <div class="hint">{hint}</div>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Head(props: {
  crumb?: ComponentChildren;
  title: ComponentChildren;
  facts?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <div class="head">
      <div class="titles">
        {props.crumb && <div class="crumb">{props.crumb}</div>}
        <h1>{props.title}</h1>
        {props.facts && <div class="facts">{props.facts}</div>}
      </div>
      {props.children && <div class="row">{props.children}</div>}
    </div>
  );
}

/** Tabs are links: each is an address of its own. */
export function Tabs<T extends string>(props: { name: string; label: string; tabs: readonly (readonly [T, ComponentChildren])[]; now: T }) {
  const first = props.tabs[0]?.[0];
  return (
    <nav class="tabs" aria-label={props.label}>
      {props.tabs.map(([tab, title]) => (
        <a
          key={tab}
          href={withQuery({ [props.name]: tab === first ? null : tab })}
          aria-current={tab === props.now ? "page" : undefined}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

/** A short list to choose from, all of it in sight. */
export function Segments<T extends string>(props: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  choose: (value: T) => void;
}) {
  return (
    <div class="segments" role="radiogroup" aria-label={props.label}>
      {props.options.map(([value, title]) => (
        <label key={value}>
          <input type="radio" name={props.label} checked={value === props.value} onChange={() => props.choose(value)} />
          {title}
        </label>
      ))}
    </div>
  );
}

export function Picker(props: {
  label: string;
  options: readonly (readonly [string, string])[];
  value: string;
  choose: (value: string) => void;
}) {
  return (
    <label class="inline">
      {props.label}
      <select value={props.value} onChange={(event) => props.choose(event.currentTarget.value)}>
        {props.options.map(([value, title]) => (
          <option key={value} value={value} selected={value === props.value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Names and what they stand for. */
export function Facts({ of: facts }: { of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts-list">
      {facts.map(([name, value]) => (
        <>
          <dt key={`${name}-name`}>{name}</dt>
          <dd key={`${name}-value`}>{value}</dd>
        </>
      ))}
    </dl>
  );
}

/** A JSON document, indented. */
export function Tree({ of: value }: { of: unknown }) {
  return (
    <pre class="tree" tabIndex={0} aria-label="JSON">
      {JSON.stringify(value, null, 2)}
    </pre>
  );
}
