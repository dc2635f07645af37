"""What can go wrong at an identity provider, each with the words that it calls for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import requests

Why = Literal[
    "away",
    "tls",
    "answer",
    "flow",
    "denied",
    "token",
    "clock",
    "claims",
    "group",
    "name",
    "taken",
    "shut",
    "public_url",
]
# What OAuth and OpenID Connect name for the way back, and what each means here. Another one is not even logged.
_SAID: Final[Mapping[str, Why]] = {
    "access_denied": "denied",
    "login_required": "denied",
    "interaction_required": "denied",
    "account_selection_required": "denied",
    "consent_required": "denied",
    "server_error": "away",
    "temporarily_unavailable": "away",
    "invalid_grant": "flow",  # the code is older than the provider keeps it, or was used
    **dict.fromkeys(
        (
            "invalid_request",
            "invalid_scope",
            "invalid_client",
            "unauthorized_client",
            "unsupported_response_type",
            "unsupported_grant_type",
        ),
        "answer",
    ),
}


class OidcError(Exception):
    """Nobody was let in. `why` chooses the words; the rest is for the log and holds nothing of the token.

    `account`: whom it is about, where the account is known here.
    """

    def __init__(self, why: Why, said: str = "", account: str = "") -> None:
        super().__init__(f"{why}: {said}")
        self.why: Why = why
        self.account = account


def said(code: str) -> OidcError:
    """What the provider's word for a failure means here."""
    known = code in _SAID
    return OidcError(_SAID.get(code, "denied"), f"the provider says {code if known else 'what has no meaning here'}")


def unreached(url: str, error: requests.RequestException) -> OidcError:
    """Why a provider's address gave nothing."""
    kinds: Mapping[type[Exception], Why] = {
        requests.exceptions.SSLError: "tls",
        requests.TooManyRedirects: "answer",
    }
    why: Why = next((why for kind, why in kinds.items() if isinstance(error, kind)), "away")
    return OidcError(why, f"{url}: {type(error).__name__}")
