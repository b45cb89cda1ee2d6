"""From a dashboard's description to Grafana's JSON, by grafana-foundation-sdk: looks and places are decided here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Final, Literal

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import DashboardLink, DatasourceVariable, Row, ThresholdsConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
COLUMNS: Final = 24
SIZES: Final = {"stat": (4, 4), "lines": (8, 8), "heat": (8, 8)}
"""Width and height of each kind of panel, in Grafana's grid of 24 columns."""

SECONDS, SHARE, BYTES, COUNT, PER_SECOND, BYTES_PER_SECOND = "s", "percentunit", "bytes", "short", "cps", "Bps"
GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of PromQL, and what its series are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture of some figures. ``warns`` and ``alarms`` are values from which a single number is yellow, and red."""

    title: str
    tells: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["lines", "stat", "heat"] = "lines"
    warns: float | None = None
    alarms: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """``rows`` are titles with their panels; ``name`` is the file's."""

    name: str
    title: str
    tells: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def lines(title: str, tells: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Values over time."""
    return Panel(title, tells, unit, tuple(Query(*query) for query in queries))


def number(
    title: str, tells: str, unit: str, expression: str, warns: float | None = None, alarms: float | None = None
) -> Panel:
    """One value, as it is now."""
    return Panel(title, tells, unit, (Query(expression),), "stat", warns, alarms)


def heat(title: str, tells: str, histogram: str, selecting: str = "") -> Panel:
    """How the values of a histogram (seconds) are distributed over time."""
    query = Query(f"sum by (le) (rate({histogram}_bucket{selecting}[$__rate_interval]))", "{{le}}")
    return Panel(title, tells, SECONDS, (query,), "heat")


def text_of(dashboard: Dashboard) -> str:
    """The JSON that Grafana imports."""
    builder = (
        Builder(dashboard.title)
        .uid(f"trackway-{dashboard.name}")
        .description(dashboard.tells)
        .tags(["trackway"])
        .editable()
        .refresh("10s")
        .time("now-30m", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .link(DashboardLink("Trackway").type(DashboardLinkType.DASHBOARDS).tags(["trackway"]).as_dropdown(True))
    )
    top, numbers = 0, count(1)
    for title, panels in dashboard.rows:
        builder.with_row(Row(title).id(next(numbers)).grid_pos(GridPos(h=1, w=COLUMNS, x=0, y=top)))
        top += 1
        for panel, place in _placed(panels, top):
            builder.with_panel(_built(panel).id(next(numbers)).grid_pos(place))
            top = max(top, place.y + place.h)
    return json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _placed(panels: Sequence[Panel], top: int) -> list[tuple[Panel, GridPos]]:
    """Side by side, each kind in lines of its own."""
    placed: list[tuple[Panel, GridPos]] = []
    for kind, alike in groupby(panels, key=lambda panel: "stat" if panel.kind == "stat" else "lines"):
        width, height = SIZES[kind]
        per_line = COLUMNS // width
        several = list(alike)
        for place, panel in enumerate(several):
            row, column = divmod(place, per_line)
            placed.append((panel, GridPos(h=height, w=width, x=column * width, y=top + row * height)))
        top += height * -(-len(several) // per_line)
    return placed


def _built(panel: Panel) -> timeseries.Panel | stat.Panel | heatmap.Panel:
    builder = {"lines": _lines, "stat": _stat, "heat": _heat}[panel.kind](panel)
    builder.title(panel.title).description(panel.tells).datasource(SOURCE).unit(panel.unit)
    for place, query in enumerate(panel.queries):
        asked = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(chr(ord("A") + place))
        if panel.kind == "heat":
            asked.format(PromQueryFormat.HEATMAP)
        builder.with_target(asked.instant() if panel.kind == "stat" else asked.range())
    return builder


def _lines(panel: Panel) -> timeseries.Panel:
    named = any(query.legend for query in panel.queries)
    legend = common.VizLegendOptions().placement(LegendPlacement.BOTTOM).show_legend(named)
    return (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(8)
        .min(0)
        .legend(legend.display_mode(LegendDisplayMode.LIST))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )


def _stat(panel: Panel) -> stat.Panel:
    steps = [Threshold(color=GREEN)]
    steps += [Threshold(value, color) for value, color in ((panel.warns, YELLOW), (panel.alarms, RED)) if value]
    thresholds = ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    return stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).thresholds(thresholds)


def _heat(_: Panel) -> heatmap.Panel:
    return heatmap.Panel().calculate(False).show_y_histogram().y_axis(heatmap.YAxisConfig().unit(SECONDS))
