"""`coc drill`: failures of the simulated sources, started and stopped by hand (docs/drills.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import ConfigOption, JsonOption, Refusal, answer, config_path, guarded, open_config, table

if TYPE_CHECKING:
    from coc.settings.models import Settings

_SHOWN_TARGETS = 5
_ANSWER_SECONDS = 30.0


@guarded
def drill(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The drill to start; none: list them.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="T", help="What it strikes; the list shows what can be.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, metavar="N", help="It ends by itself after so long.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", metavar=" ", help="End it; without a NAME, all that are on.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Of a `coc simulate`; else that of `coc serve`.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start, stop or list failures of the simulated sources, to see what the wall makes of them."""
    if name is None and not stop and (target or seconds):
        raise typer.BadParameter("name the drill to start; `coc drill` lists them", param_hint="NAME")
    settings = open_config(config_path(context, config)).settings
    base = f"http://127.0.0.1:{_port(settings, port)}/drill"
    if name is None:
        items = _asked("POST", f"{base}/stop") if stop else _asked("GET", base)
    else:
        params = {"target": target} if target else {}
        how = {"stop": "1"} if stop else {"seconds": f"{seconds or _lasting(base, name):g}"}
        items = _asked("POST", f"{base}/{name}", params | how)
    if as_json:
        answer(items)
        return
    rows = [(i["name"], i["about"], _targets(i["targets"]), i["seconds"], _on(i["on"])) for i in items]
    table("drills", ("drill", "what happens", "targets", "seconds", "on"), rows)


def _port(settings: Settings, given: int | None) -> int:
    from coc.cli import simulated

    if given is not None:
        if simulated.city_info(given) is None:
            raise Refusal(f"no simulated city answers on port {given}")
        return given
    port = simulated.running(settings)
    if port is None:
        raise Refusal(
            "no simulated city is running for this config: `coc serve` starts one while a connector says "
            "`url: simulator`; one of your own (`coc simulate`) is named with --port"
        )
    return port


def _lasting(base: str, name: str) -> float:
    """The drill's own length: a bare POST would stop one that is on."""
    found = [i for i in _asked("GET", f"{base}/{name}") if i["name"] == name]
    return float(found[0]["seconds"])


def _asked(method: str, url: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            said = session.request(method, url, params=params, timeout=_ANSWER_SECONDS)
            body = said.json()
        except (requests.RequestException, ValueError) as error:
            raise Refusal("the simulated city does not answer") from error
    if said.status_code >= 400:
        raise Refusal(str(body.get("detail") or f"HTTP {said.status_code}"))
    items: list[dict[str, Any]] = body["items"]
    return items


def _targets(targets: list[str]) -> str:
    more = len(targets) - _SHOWN_TARGETS
    return " ".join(targets[:_SHOWN_TARGETS]) + (f" and {more} more" if more > 0 else "")


def _on(on: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['target']} for {one['seconds_left']:.0f} s" for one in on) or "-"
