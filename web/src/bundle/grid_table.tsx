// The same as the heat-map, as tables.
import { useState } from "preact/hooks";

import { cellAt, lookAt, type Grid } from "../heatmap/cells";
import type { View } from "../heatmap/dimensions";
import { links } from "../routing/routes";

const WORDS = { none: "", value: "", undefined: "undefined", failed: "failed", cancelled: "cancelled", running: "running", pending: "pending" };

export function GridTable({ bundle, maps, view, write, title }: { bundle: string; maps: readonly Grid[]; view: View; write: (value: number) => string; title: string }) {
  const [shown, setShown] = useState(false);
  return (
    <details class="twin" onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>The same as a table</summary>
      {shown &&
        maps.map((map) => (
          <div key={map.title} class="scroller" tabIndex={0} role="region" aria-label={`${title} ${map.title}`}>
            <table class="table grid-table">
              <caption class="unseen">
                {title} {map.title}
              </caption>
              <thead>
                <tr>
                  <th scope="col">
                    {map.title ? `${map.title}: ` : ""}
                    {view.y ? `${view.y.label} \\ ${view.x.label}` : view.x.label}
                  </th>
                  {view.x.values.map((value) => (
                    <th key={value} scope="col" class="right">
                      {value}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {(view.y?.values ?? [""]).map((label, row) => (
                  <tr key={label}>
                    <th scope="row">{label || title}</th>
                    {view.x.values.map((value, column) => {
                      const index = row * map.columns + column;
                      const cell = cellAt(map, index);
                      const text = typeof cell?.value === "number" ? write(cell.value) : WORDS[lookAt(map, index)];
                      return (
                        <td key={value} class="right">
                          {typeof cell?.seq === "number" ? <a href={links.job(`${bundle}-${cell.seq}`)}>{text}</a> : text}
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ))}
    </details>
  );
}
