"""One message over one channel: mail by SMTP, everything else through apprise. Raises `UndeliveredError`.

Mail goes by SMTP itself, for apprise gives every mail a Message-ID of its own: one that is sent again must keep its id,
so that whoever has it already drops it (decision 123).
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from coc.settings.alerts import Channel, Mail

_MOST_TITLE: Final = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent. `id`: the Message-ID; what has the same is the same message."""

    id: str
    subject: str
    body: str
    at: datetime
    urgent: bool = False


class UndeliveredError(Exception):
    """`code`: why, in a word that holds no address and no secret. `for_good`: to try again will not help."""

    def __init__(self, code: str, *, for_good: bool = False) -> None:
        super().__init__(code)
        self.code, self.for_good = code, for_good


def send(channel: Channel, mail: Mail, letter: Letter) -> None:
    """Hand the message over. Returns once the other side took it."""
    if channel.mail:
        _mail(channel, mail, letter)
    else:
        _apprise(channel, letter)


def _mail(channel: Channel, mail: Mail, letter: Letter) -> None:
    if mail.host is None or mail.sender is None:
        raise UndeliveredError("no_mail_server", for_good=True)
    message = EmailMessage()
    message["Message-ID"] = letter.id
    message["Date"] = format_datetime(letter.at)
    message["Subject"] = letter.subject.replace("\n", " ")
    message["From"], message["To"] = mail.sender, ", ".join(channel.mail)
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
    if letter.urgent:
        message["X-Priority"] = "1"
    message.set_content(letter.body)
    try:
        with _smtp(mail) as server:
            if mail.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if mail.user is not None:
                server.login(mail.user, mail.password.get_secret_value() if mail.password else "")
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise UndeliveredError("mail_login") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise UndeliveredError("mail_refused", for_good=min(codes, default=500) >= 500) from error
    except smtplib.SMTPResponseException as error:
        raise UndeliveredError(f"mail_{error.smtp_code}", for_good=error.smtp_code >= 550) from error
    except (OSError, smtplib.SMTPException) as error:
        raise UndeliveredError(_why(error)) from error
    if refused:
        # Some took it: to try again would send it to them twice.
        logging.getLogger("coc.alerts").warning("%d of %d took no mail", len(refused), len(channel.mail))


def _smtp(mail: Mail) -> smtplib.SMTP:
    assert mail.host is not None
    if mail.tls == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout_seconds, context=context)
    return smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "certificate"
    return "timeout" if isinstance(error, TimeoutError) else "unreachable"


def _apprise(channel: Channel, letter: Letter) -> None:
    plugin = plugin_of(channel)
    # Of a webhook a header, for what has no Message-ID: a receiver can drop what it has.
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers |= {"Message-ID": letter.id, "Idempotency-Key": letter.id.strip("<>")}
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines name addresses; ours says what failed
    try:
        taken = plugin.notify(letter.body, title=letter.subject[:_MOST_TITLE], notify_type=_kind(letter))
    except Exception as error:
        raise UndeliveredError("gateway") from error
    if not taken:
        raise UndeliveredError("gateway")


def plugin_of(channel: Channel) -> Any:
    """The apprise plugin of a channel's address. Raises UndeliveredError for an address that is none."""
    import warnings

    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of imports of its own
        import apprise

        url = channel.url.get_secret_value() if channel.url else ""
        asset = apprise.AppriseAsset(app_id="COC", app_desc="City Operation Center", async_mode=False)
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if plugin is None:
        raise UndeliveredError("address", for_good=True)
    return plugin


def _kind(letter: Letter) -> Any:
    from apprise.common import NotifyType

    return NotifyType.FAILURE if letter.urgent else NotifyType.WARNING
