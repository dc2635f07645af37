"""The plain twin of the wall overview: `dcc.Interval`, `read_sql` and plotly express, as most Dash apps are written.

It shows the same numbers and six charts from the same store, and is kept only so that the bench has something to
compare with: `python -m coc.bench.twin DB PORT`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pandas as pd
import plotly.express as px
import sqlalchemy as sa
from dash import Dash, Input, Output, dcc, html

DAY = 86_400_000_000


def charts(engine: sa.Engine, now: int) -> list[Any]:
    """What a plain callback does at every tick: read the window, group it, draw six figures. `now` in microseconds."""
    with engine.connect() as db:
        letters = pd.read_sql(  # noqa: TID251 - the twin is what we do not do
            sa.text(
                "SELECT unit, medium, category, registered_at, completed_at FROM letters WHERE registered_at >= :t"
            ),
            db,
            params={"t": now - 90 * DAY},
        )
        rows = pd.read_sql(  # noqa: TID251
            sa.text(
                "SELECT to_unit, channel, issued_at, completed_at, due FROM dispositions"
                " WHERE issued_at >= :t OR completed_at IS NULL"
            ),
            db,
            params={"t": now - 90 * DAY},
        )
        samples = pd.read_sql(  # noqa: TID251
            sa.text("SELECT ap, at, up, latency_ms FROM ap_samples WHERE at >= :t"), db, params={"t": now - DAY}
        )
    letters["day"] = pd.to_datetime(letters["registered_at"], unit="us").dt.date
    samples["hour"] = pd.to_datetime(samples["at"], unit="us").dt.floor("h")
    open_ = rows[rows["completed_at"].isna()].assign(
        age=lambda d: ((now - d["issued_at"]) / DAY).clip(upper=30).round()
    )
    flow = letters.groupby("day", as_index=False).size()
    return [
        px.line(flow, x="day", y="size"),
        px.bar(open_.groupby("to_unit", as_index=False).size().nlargest(10, "size"), x="size", y="to_unit"),
        px.histogram(open_, x="age"),
        px.bar(rows.groupby("channel", as_index=False).size(), x="channel", y="size"),
        px.line(samples.groupby("hour", as_index=False)["up"].mean(), x="hour", y="up"),
        px.line(samples.groupby("hour", as_index=False)["latency_ms"].median(), x="hour", y="latency_ms"),
    ]


def build(database: str, now: int) -> Dash:
    engine = sa.create_engine(database)
    app = Dash("twin")
    ids = [f"chart-{i}" for i in range(6)]
    app.layout = html.Div([dcc.Interval(id="tick", interval=1000), *[dcc.Graph(id=i) for i in ids]])

    @app.callback([Output(i, "figure") for i in ids], Input("tick", "n_intervals"))
    def refresh(_: int | None) -> list[Any]:
        return charts(engine, now)

    return app


if __name__ == "__main__":
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

    wsgi = build(sys.argv[1], int(float(sys.argv[3]) if len(sys.argv) > 3 else time.time() * 1e6)).server
    make_server("127.0.0.1", int(sys.argv[2]), wsgi, handler_class=Quiet).serve_forever()
