// All metrics of a job with their definitions, and why some are undefined.
import type { Metrics } from "../api/shapes";
import { GROUPS, METRICS, metricOf, reason, shown } from "../metrics/metric";
import { Card } from "../ui/parts";

export function MetricsCard({ metrics, missing }: { metrics: Metrics; missing: Record<string, string> }) {
  const grouped = new Set(GROUPS.flatMap((group) => group.ids));
  const rest = METRICS.filter((metric) => !grouped.has(metric.id)).map((metric) => metric.id);
  const groups = rest.length > 0 ? [...GROUPS, { title: "More", ids: rest }] : GROUPS;
  return (
    <Card title="Metrics" actions={<span class="muted">r: daily returns, P: days in a year of the calendar, E: equity</span>}>
      <div class="metric-groups">
        {groups.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.ids.map((id) => (
                <div class="metric" key={id}>
                  <dt>
                    {metricOf(id).label}
                    {metricOf(id).annualised && <span class="muted" title="scaled to a year"> *</span>}
                  </dt>
                  <dd class="number">{shown(id, metrics[id])}</dd>
                  <dd class="definition">
                    {metricOf(id).definition}
                    {missing[id] !== undefined && <em> Undefined: {reason(missing[id])}</em>}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="muted">* scaled to a year; with fewer than 30 daily returns not to be trusted.</p>
    </Card>
  );
}
