/** What all dashboards have in common: data source and instance chosen on top, panels in a grid, each with title, unit and description. */
import type { LegendDisplayMode as LegendMode } from '@grafana/grafana-foundation-sdk/common';
import { LegendDisplayMode, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The instances chosen on top; goes into every selector. */
export const CHOSEN = 'job=~"$job",instance=~"$instance"';
/** Wide enough for four scrapes, whatever the interval. */
export const RANGE = '[$__rate_interval]';

export interface Query {
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** A unit of Grafana's: `reqps`, `s`, `percentunit`, `bytes`, `short`, … */
  readonly unit: string;
  /** `stat`: one number, a quarter of the width. `graph`: over time, half of it. */
  readonly kind: 'stat' | 'graph';
  readonly queries: readonly Query[];
  /** Lowest value of the axis; left out: Grafana decides. */
  readonly min?: number;
  readonly max?: number;
  readonly stacked?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Board {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const WIDTH = 24;
const SIZES = { stat: { w: 6, h: 4 }, graph: { w: 12, h: 8 } } as const;

/** Grafana's JSON of a board (schema version 42). */
export function build(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags(['sluice'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .readonly()
    .link(new DashboardLinkBuilder('Sluice').type(DashboardLinkType.Dashboards).tags(['sluice']).keepTime(true))
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(choice('job', 'Job', 'label_values(sluice_build_info, job)'))
    .withVariable(choice('instance', 'Instance', 'label_values(sluice_build_info{job=~"$job"}, instance)'));
  let y = 0;
  for (const row of board.rows) {
    builder.withRow(new RowBuilder(row.title).gridPos({ x: 0, y, w: WIDTH, h: 1 }));
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const { w, h } = SIZES[panel.kind];
      if (x + w > WIDTH) {
        x = 0;
        y += height;
        height = 0;
      }
      builder.withPanel((panel.kind === 'stat' ? stat(panel) : graph(panel)).gridPos({ x, y, w, h }));
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return builder.build();
}

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .query(query)
    .datasource(DATASOURCE)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.*');
}

function stat(panel: Panel): StatBuilder {
  const builder = new StatBuilder();
  fill(builder, panel);
  return builder;
}

function graph(panel: Panel): TimeseriesBuilder {
  const mode: LegendMode = LegendDisplayMode.List;
  const builder = new TimeseriesBuilder()
    .fillOpacity(panel.stacked === true ? 40 : 10)
    .legend(new VizLegendOptionsBuilder().displayMode(mode).showLegend(true));
  fill(builder, panel);
  return builder;
}

function fill(builder: StatBuilder | TimeseriesBuilder, panel: Panel): void {
  builder.title(panel.title).description(panel.description).unit(panel.unit).datasource(DATASOURCE);
  if (panel.min !== undefined) builder.min(panel.min);
  if (panel.max !== undefined) builder.max(panel.max);
  for (const [i, { expr, legend }] of panel.queries.entries()) {
    builder.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + i))
        .expr(expr)
        .legendFormat(legend),
    );
  }
}

/** `sum by (labels) (rate(metric{chosen, more}[…]))` */
export function rate(metric: string, by: string, more = ''): string {
  return `sum by (${by}) (rate(${metric}{${CHOSEN}${more === '' ? '' : `,${more}`}}${RANGE}))`;
}

/** A quantile of a histogram over all chosen instances. */
export function quantile(q: number, metric: string, by = '', more = ''): string {
  return `histogram_quantile(${q}, ${rate(`${metric}_bucket`, by === '' ? 'le' : `${by}, le`, more)})`;
}
