"""Every rule of fetching, in one place, so that no connector can forget one.

A total deadline beside the timeouts, a limit on decoded bytes, no redirect and no credential beyond the origin, retries
with jitter, Retry-After obeyed within the deadline, one new login, no proxy or netrc from the environment. What goes
wrong is one `FetchError` whose words hold no secret and no row.
"""

from __future__ import annotations

import base64
import http.client
import random
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import jmespath
import requests
import tenacity
import urllib3
import urllib3.exceptions as u3
from jmespath.exceptions import JMESPathError

from coc.settings.models import ConnectorBlock
from data_connectors.answers import RETRIED, Answer, json_of, parsed, refusal
from data_connectors.base import FetchError
from data_connectors.transport import Guard, GuardedAdapter

CHUNK: Final = 65_536
MAX_REDIRECTS: Final = 5
ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DECODED: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_ERROR_BYTES: Final = 65_536
_SHORTEST_SECRET: Final = 4

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Scheme, host, port. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or (443 if scheme == "https" else 80)


def shown(url: str) -> str:
    """A URL for messages: without user, password, query and fragment, each of which may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Client:
    """One run's way to one origin, a context manager. `deadline`: the `time.monotonic()` at which the run must end."""

    def __init__(self, block: ConnectorBlock, deadline: float, *, url: str | None = None) -> None:
        self.base = _checked(url or block.url or "")
        self.origin = origin_of(self.base)
        self.guard = Guard(deadline)
        self.max_bytes = int(block.max_mb * 1_000_000)
        self._block = block
        self._token: str | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        if block.verify is False:
            urllib3.disable_warnings(u3.InsecureRequestWarning)  # config says so, once is enough
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {"user-agent": "coc-dashboard", "accept-encoding": "gzip, deflate"}
        )
        self._session.mount("http://", GuardedAdapter(self.guard))
        self._session.mount("https://", GuardedAdapter(self.guard))
        self._userinfo = _userinfo(self.base)
        self.base = _without_user(self.base)
        self._secrets = _secrets_of(block, self._userinfo)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.guard.close()
        self._session.close()

    def get_json(self, path: str = "", params: Mapping[str, str] | None = None, *, attempts: int = ATTEMPTS) -> Any:
        """Parsed JSON of a good answer. `path`: below the base URL, or a whole URL of its origin (a `next` link)."""
        return json_of(self.get(path, params, attempts=attempts))

    def get(
        self,
        path: str = "",
        params: Mapping[str, str] | None = None,
        *,
        attempts: int = ATTEMPTS,
        accept: str = "application/json",
    ) -> Answer:
        """A good answer (status below 300), whole. Raises FetchError."""
        url = self._url(path)
        return self._tried(lambda: self._answered(url, params, accept), attempts)

    def post_json(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, *, attempts: int = ATTEMPTS
    ) -> Any:
        """Parsed JSON of a good answer to a question that is asked by POST and changes nothing, so that it may be asked
        again. The block's credentials do not go with it: they are in `body` or `headers`, as the source wants them.
        """
        url = self._url(path)

        def answered() -> Answer:
            answer = self._followed("POST", url, None, "application/json", json=body, credentials=headers or {})
            if answer.status >= 300:
                raise refusal(answer)
            return answer

        return json_of(self._tried(answered, attempts))

    def hide(self, secret: str) -> None:
        """From now on no error's words show it: a session's id, say."""
        if len(secret) >= _SHORTEST_SECRET:
            self._secrets.append(secret)

    def _tried(self, ask: Callable[[], Answer], attempts: int) -> Answer:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, FetchError) and not e.permanent),
            wait=_wait,
            stop=lambda state: state.attempt_number >= attempts or state.upcoming_sleep >= self.guard.left,
            sleep=time.sleep,
            reraise=True,
        )
        try:
            return retrying(ask)
        except FetchError as error:
            raise self.scrubbed(error) from None

    def exchange(self, url: str, *, keep_bytes: int | None = None) -> Answer:
        """One request, redirects within the origin followed; whatever status comes back is the answer.

        `keep_bytes`: read no more than that and call it enough. Raises FetchError where no answer comes.
        """
        try:
            return self._followed("GET", self._url(url), None, "*/*", keep_bytes)
        except FetchError as error:
            raise self.scrubbed(error) from None

    def _url(self, path: str) -> str:
        if "://" not in path and not path.startswith("//"):
            return f"{self.base.rstrip('/')}/{path.lstrip('/')}" if path else self.base
        self._same_origin(path)
        return _without_user(path)

    def _same_origin(self, url: str) -> None:
        try:
            same = origin_of(url) == self.origin
        except ValueError:
            same = False
        if not same:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            other = f"{parts.scheme}://{host}" if host.lower() == urlsplit(self.base).netloc.lower() else host
            raise FetchError("redirected", other or "nowhere", permanent=True)

    def _answered(self, url: str, params: Mapping[str, str] | None, accept: str) -> Answer:
        login = self._block.auth.login is not None
        if login and self._token is None:
            self._log_in()
        answer = self._followed("GET", url, params, accept)
        if login and answer.status in (401, 403):
            self._log_in()
            answer = self._followed("GET", url, params, accept)
        if answer.status >= 300:
            raise refusal(answer)
        return answer

    def _log_in(self) -> None:
        login = self._block.auth.login
        assert login is not None  # asked by the caller
        self._token = None
        url = self._url(login.path)
        answer = self._exchanged("POST", url, None, "application/json", None, json=login.body)
        if 300 <= answer.status < 500 and answer.status not in RETRIED and answer.status != 404:
            raise FetchError("credentials", f"HTTP {answer.status} from {answer.path}", permanent=True)
        if answer.status >= 300:
            raise refusal(answer)
        try:
            token = jmespath.search(login.token, parsed(answer.body, answer.path))
        except JMESPathError:
            raise FetchError("config", "auth.login.token is not a JMESPath", permanent=True) from None
        if not isinstance(token, str) or not token:
            raise FetchError("credentials", f"no token in the answer of {answer.path}", permanent=True)
        self._token = token
        self._secrets.append(token)

    def _followed(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        accept: str,
        keep_bytes: int | None = None,
        json: Any = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._exchanged(method, url, params, accept, keep_bytes, json, credentials)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url, params = urljoin(url, location), None
            self._same_origin(url)
            url = _without_user(url)
        raise FetchError("redirected", f"{MAX_REDIRECTS} times within {self.origin[1]}", permanent=True)

    def _exchanged(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        accept: str,
        keep_bytes: int | None,
        json: Any = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Answer:
        if self.guard.expired:
            raise self._late()
        seconds = max(0.01, min(self._block.timeout_seconds, self.guard.left))
        headers = {"accept": accept, **(self._authorisation() if credentials is None else credentials)}
        try:
            with self._session.request(
                method, url, params=params, headers=headers, json=json, stream=True, timeout=(seconds, seconds),
                allow_redirects=False, verify=self._block.verify, proxies={},
            ) as response:  # fmt: skip
                heads = {k.lower(): v for k, v in response.headers.items()}
                if response.status_code in _REDIRECTS:
                    return Answer(url, response.status_code, heads, b"")
                encoding = heads.get("content-encoding", "").strip().lower()
                if encoding not in _DECODED:
                    raise FetchError("broken", f"content encoding {encoding}, which was not asked for", permanent=True)
                limit = keep_bytes or (_ERROR_BYTES if response.status_code >= 400 else None)
                body, cut = self._body(response.raw, limit)
                return Answer(response.url, response.status_code, heads, body, cut)
        except (requests.RequestException, u3.HTTPError, OSError) as error:
            raise self._fault(error, seconds) from None

    def _body(self, raw: Any, keep_bytes: int | None) -> tuple[bytes, bool]:
        """The decoded body, and whether it was cut at `keep_bytes`. Clock and limit are looked at for every chunk."""
        found, size = [], 0
        while chunk := raw.read1(CHUNK, decode_content=True):
            found.append(chunk)
            size += len(chunk)
            if keep_bytes is not None and size > keep_bytes:
                return b"".join(found)[:keep_bytes], True
            if size > self.max_bytes:
                raise FetchError("too_large", f"{self._block.max_mb:g} MB", permanent=True)
            if self.guard.expired:
                raise self._late()
        if self.guard.expired:  # the watchdog's cut reads like the end of an answer without a length
            raise self._late()
        return b"".join(found), False

    def _late(self) -> FetchError:
        return FetchError("too_slow", f"{self._block.deadline_seconds:g} s", permanent=True)

    def _fault(self, error: Exception, seconds: float) -> FetchError:
        host = f"{self.origin[1]}:{self.origin[2]}"
        inner = _cause(error)
        if self.guard.expired:
            return self._late()
        if isinstance(inner, ssl.SSLCertVerificationError | ssl.CertificateError):
            return FetchError("certificate", inner.verify_message or "not for this host", permanent=True)
        if isinstance(error, requests.exceptions.SSLError):
            return FetchError("unreachable", f"{host} speaks no TLS that we know")
        if isinstance(error, requests.Timeout | u3.TimeoutError | TimeoutError):
            return FetchError("too_slow", f"{seconds:g} s")
        if isinstance(error, u3.DecodeError | requests.exceptions.ContentDecodingError):
            return FetchError("broken", "the compressed answer cannot be unpacked", permanent=True)
        if isinstance(inner, http.client.IncompleteRead):
            return FetchError("broken", "the answer ends early")
        if isinstance(error, requests.exceptions.InvalidURL | u3.LocationValueError):
            return FetchError("config", "url is not an address", permanent=True)
        if type(error) is OSError:  # what requests raises for a missing CA file
            return FetchError("config", "verify: there is no such CA file", permanent=True)
        if isinstance(error, u3.ProtocolError | requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            return FetchError("unreachable", f"{host} closed the connection")
        return FetchError("broken", type(error).__name__)

    def _authorisation(self) -> dict[str, str]:
        auth = self._block.auth
        if self._token is not None:
            return {"authorization": f"Bearer {self._token}"}
        if auth.bearer is not None:
            return {"authorization": f"Bearer {auth.bearer.get_secret_value()}"}
        if auth.header is not None:
            return {auth.header.name: auth.header.value.get_secret_value()}
        pair = (auth.basic.user, auth.basic.password.get_secret_value()) if auth.basic else self._userinfo
        if pair is None:
            return {}
        return {"authorization": "Basic " + base64.b64encode(":".join(pair).encode()).decode()}

    def scrubbed(self, error: FetchError) -> FetchError:
        """The last guard: a source may quote what we sent it, in an answer with status 200 too."""
        for secret in self._secrets:
            error.detail = error.detail.replace(secret, "***")
        error.args = (f"{error.code}: {error.detail}" if error.detail else error.code,)
        return error


def _checked(url: str) -> str:
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        scheme, host = "", ""
    if scheme not in ("http", "https") or not host:
        raise FetchError("config", "url: expected an address such as https://host.example.go.id/path", permanent=True)
    return url


def _userinfo(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    return (unquote(parts.username), unquote(parts.password or "")) if parts.username else None


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _secrets_of(block: ConnectorBlock, userinfo: tuple[str, str] | None) -> list[str]:
    auth = block.auth
    found = [s.get_secret_value() for s in (auth.bearer, auth.basic and auth.basic.password) if s]
    found += [auth.header.value.get_secret_value()] if auth.header else []
    found += [v for v in (auth.login.body if auth.login else {}).values() if isinstance(v, str)]
    found += [userinfo[1]] if userinfo else []
    return [s for s in found if len(s) >= _SHORTEST_SECRET]


def _cause(error: BaseException) -> BaseException:
    """The innermost reason: requests wraps urllib3, which wraps ssl and sockets."""
    for _ in range(8):
        inner = next(
            (a for a in (getattr(error, "reason", None), *error.args, error.__cause__) if isinstance(a, BaseException)),
            None,
        )
        if inner is None:
            return error
        error = inner
    return error


def _wait(state: tenacity.RetryCallState) -> float:
    """Retry-After where the source named one, else doubling; with jitter, so that connectors do not march in step."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, FetchError) else None
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    doubled = BACKOFF_SECONDS * 2 ** (state.attempt_number - 1) * jitter
    return asked + BACKOFF_SECONDS * jitter if asked is not None else doubled
