"""What all doors share: forms read with care, tokens against forged ones, ways back that stay here, cookies, pages."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from coc.access.gatekeeper import cookie
from coc.access.oidc import Provider
from coc.access.sessions import csrf_of
from coc.clock import system_now
from coc.live import choices
from coc.live.choices import LANGUAGE_COOKIE, THEME_COOKIE, UNIT_COOKIE
from coc.live.doors.workers import Workers, asking, hashing
from coc.live.services import Services
from coc.store import Control
from coc.store.control import Account
from coc.ui.format import Writer
from coc.ui.i18n import t

HERE: Final = Path(__file__).parent
_MOST_FIELDS: Final = 20
_LONGEST_WAY: Final = 512
_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY
# One slash and no second one, in either direction: browsers read a backslash as a slash and drop tabs and line ends.
_OWN_WAY: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_MARKED: Final = re.compile(r"`([^`]+)`")
_NO_WAY: Final = frozenset({"masuk", "keluar", "api", "live", "assets"})
CSP: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def safe_way(text: str) -> str:
    """A page of this origin to go on to; "/" for anything else, for the doors and for what is no page."""
    if len(text) > _LONGEST_WAY or not _OWN_WAY.fullmatch(text):
        return "/"
    first = urlsplit(text).path.split("/")[1]
    if first in _NO_WAY or first.startswith("_"):
        return "/"
    return "/akun" if first == "akun" else text


async def fields_of(request: Request) -> dict[str, str]:
    """A form's fields, the last of each name. What cannot be read is as an empty form."""
    raw = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def typed(text: str) -> str:
    """HTML of a sentence of ours whose `marked` words are typed."""
    return _MARKED.sub(r"<code>\1</code>", escape(text))


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors' hold on the application."""

    services: Services
    pages: Environment
    hashing: Workers
    asking: Workers
    provider: Provider | None = None

    @classmethod
    def of(cls, services: Services) -> Doors:
        loader = FileSystemLoader(HERE / "templates")
        pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        pages.filters["typed"] = typed
        oidc = services.settings.oidc
        # The way back is the public address: a demo realm, with an origin of its own, has no way by the provider.
        provider = Provider(oidc) if oidc.issuer and services.realm == "live" else None
        return cls(services, pages, hashing(), asking(), provider)

    @property
    def control(self) -> Control:
        control = self.services.control
        assert control is not None  # only programs that test a part of this go without one
        return control

    @property
    def https(self) -> bool:
        return (self.services.settings.server.public_url or "").startswith("https:")

    @property
    def elsewhere(self) -> str:
        """What the button says that leads to the identity provider, or the id of our words; "" without one."""
        return "" if self.provider is None else self.provider.config.label or "masuk.oidc"

    @property
    def form_cookie(self) -> str:
        return f"coc_form_{self.services.realm}"

    @property
    def told_cookie(self) -> str:
        """Holds how many wrong tries a person is to be told of, until that is done."""
        return f"coc_told_{self.services.realm}"

    def chosen(self, request: Request) -> choices.Choices:
        return choices.choose(self.services.settings, dict(request.query_params), request.cookies)

    def secret(self, request: Request) -> str:
        """The session's secret as the browser sent it, "" without one."""
        return cookie(request.scope, self.services.gatekeeper.cookie) or ""

    def csrf(self, request: Request) -> tuple[str, str | None]:
        """The token for a form, and the cookie's new value where it must be set: before sign-in a cookie of its own."""
        if request.scope["coc.viewer"] is not None and request.scope["coc.viewer"].session:
            return csrf_of(self.secret(request)), None
        held = request.cookies.get(self.form_cookie, "")
        fresh = None if len(held) >= 32 else secrets.token_urlsafe(32)
        return csrf_of(fresh or held), fresh

    def forged(self, request: Request, fields: Mapping[str, str]) -> bool:
        """Whether a form was not made for this browser."""
        viewer = request.scope["coc.viewer"]
        secret = self.secret(request) if viewer is not None and viewer.session else ""
        secret = secret or request.cookies.get(self.form_cookie, "")
        return not secret or not hmac.compare_digest(csrf_of(secret).encode(), fields.get("csrf", "").encode())

    def page(self, request: Request, template: str, status: int = 200, **more: Any) -> Response:
        """A door's page in the browser's language and theme, with what the URL chose kept."""
        services, chosen = self.services, self.chosen(request)
        token, fresh = self.csrf(request)
        say = t(chosen.language)
        body = self.pages.get_template(f"{template}.html").render(
            say=say,
            writer=Writer(chosen.language, ZoneInfo(services.settings.city.time_zone)),
            chosen=chosen,
            csrf=token,
            city=services.settings.city.name,
            realm=services.realm,
            build=services.build,
            simulated=services.simulated,
            now=system_now(),
            languages=services.settings.city.languages,
            also=partial(_also, request, str(more.get("way", "/"))),
            **more,
        )
        response = HTMLResponse(body, status)
        response.headers["Content-Security-Policy"] = CSP
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Cookie"
        for key, value in choices.to_keep(services.settings, dict(request.query_params)).items():
            self.keep(response, key, value, _YEAR, hidden=False)
        if fresh is not None:
            self.keep(response, self.form_cookie, fresh, None)
        return response

    def keep(self, response: Response, name: str, value: str, seconds: int | None, *, hidden: bool = True) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self.https, httponly=hidden, samesite="lax")

    def keep_session(self, response: Response, secret: str) -> None:
        days = self.services.settings.access.sessions.days
        self.keep(response, self.services.gatekeeper.cookie, secret, int(days * _DAY))

    def keep_choices(self, response: Response, account: Account) -> None:
        """What an account says of its pages, in this browser as well; what it does not say stays as it is here."""
        wanted = {LANGUAGE_COOKIE: account.language, THEME_COOKIE: account.theme}
        for name, value in wanted.items():
            if value:
                self.keep(response, name, value, _YEAR, hidden=False)
        if account.default_unit:
            self.keep(response, UNIT_COOKIE, account.default_unit, _YEAR, hidden=False)
        else:
            self.drop(response, UNIT_COOKIE)

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.https, httponly=True, samesite="lax")


def message(doors: Doors, request: Request, status: int, title: str, said: str) -> Response:
    """A page that holds a sentence and the way on."""
    return doors.page(request, "pesan", status, heading=title, said=said)


def _also(request: Request, way: str, **chosen: str) -> str:
    """The page in hand in another language or theme; a form's answer stands for the page that holds the form."""
    path = "/akun" if request.url.path.startswith("/akun/") else request.url.path
    kept = {"id": number} if (number := request.query_params.get("id", "")).isdigit() else {}
    return f"{path}?{urlencode({**kept, **({} if way == '/' else {'next': way}), **chosen})}"


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")
