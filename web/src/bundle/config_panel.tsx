// The request as stored: its axes, and the whole document.
import type { Bundle } from "../api/shapes";
import { count } from "../format/number";
import { minute } from "../format/time";
import { axisLabel, axisValue } from "../format/variant";
import { Card, Facts, Tree } from "../ui/parts";
import { Copy } from "../ui/states";

const SHOWN = 24;

export function ConfigPanel({ bundle }: { bundle: Bundle }) {
  const text = JSON.stringify(bundle.request, null, 2);
  return (
    <div class="columns two">
      <div class="stack">
        <Card title="Axes">
          <div class="stack">
            {bundle.axes.map((axis) => (
              <section key={axis.name}>
                <h3>
                  {axisLabel(axis.name)} <span class="number">({count(axis.count)})</span>
                </h3>
                <div class="chips">
                  {axis.values.slice(0, SHOWN).map((value, index) => (
                    <span key={index} class="chip number">
                      {axisValue(axis.name, value)}
                    </span>
                  ))}
                  {axis.values.length > SHOWN && <span class="muted">and {count(axis.values.length - SHOWN)} more</span>}
                </div>
              </section>
            ))}
            <p class="muted number">
              {bundle.axes.map((axis) => count(axis.count)).join(" × ")} = {count(bundle.total + bundle.dropped)} points
              {bundle.dropped > 0 && `, of which the constraints drop ${count(bundle.dropped)}`}
            </p>
          </div>
        </Card>
        <Card title="Facts">
          <Facts
            of={[
              ["id", <span class="hash">{bundle.bundleRequestId}</span>],
              ["submitted", `${minute(bundle.createdAt)} UTC`],
              ["started", `${minute(bundle.startedAt)} UTC`],
              ["ended", bundle.completedAt ? `${minute(bundle.completedAt)} UTC` : "not yet"],
              ["priority", String(bundle.priority)],
              ["tags", Object.entries(bundle.tags).map(([key, value]) => `${key}: ${value}`).join(", ") || "none"],
              ["cached", `${count(bundle.cached)} jobs were answered by results that existed`],
            ]}
          />
        </Card>
      </div>
      <Card title="Request as stored" actions={<Copy text={text} what="request" />}>
        <Tree of={bundle.request} />
      </Card>
    </div>
  );
}
