"""The thread that sends what the outbox holds, while this process leads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import sqlalchemy as sa

from coc.alerts.channels import Letter, UndeliveredError, send
from coc.alerts.telling import message_id
from coc.clock import system_now
from coc.settings.alerts import Channel, Mail
from coc.store import Control, LostLeaseError, StoreError
from coc.store.control import Fence, Posting

log = logging.getLogger("coc.alerts")
LOOK_SECONDS: Final = 2.0
Sender = Callable[[Channel, Mail, Letter], None]


class Writer(Protocol):
    """Puts a message's facts into words: the subject and the body."""

    def __call__(self, facts: Mapping[str, Any], language: str) -> tuple[str, str]: ...


class Courier:
    """`fence` gives the reign to send under, or None where this process does not lead."""

    def __init__(
        self,
        control: Control,
        realm: str,
        channels: Mapping[str, Channel],
        mail: Mail,
        write: Writer,
        fence: Callable[[], Fence | None],
        sender: Sender = send,
    ) -> None:
        self.control, self.realm, self.channels, self.mail = control, realm, channels, mail
        self._write, self._fence, self._send = write, fence, sender
        self._stop, self._more = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._failing: set[str] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        self._stop.set()
        self._more.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def hurry(self) -> None:
        """Something was queued."""
        self._more.set()

    def deliver(self) -> int:
        """Send what is due now; how many messages were tried."""
        tried = 0
        while not self._stop.is_set() and (fence := self._fence()) is not None:
            message = self.control.take(self.realm, fence, system_now())
            if message is None:
                break
            self._one(fence, message)
            tried += 1
        return tried

    def _one(self, fence: Fence, message: Posting) -> None:
        error = self._sent(message)
        if error is not None:
            dead = self.control.failed(self.realm, fence, message, error.code, for_good=error.for_good)
            self._said(message, error.code, dead=dead)
            return
        self.control.sent(self.realm, fence, message.id)
        if message.channel in self._failing:
            self._failing.discard(message.channel)
            log.info("the channel %s takes messages again", message.channel)

    def _sent(self, message: Posting) -> UndeliveredError | None:
        channel = self.channels.get(message.channel)
        if channel is None:
            return UndeliveredError("no_channel", for_good=True)
        try:
            self._send(channel, self.mail, self._letter(channel, message))
        except UndeliveredError as error:
            return error
        except Exception:
            log.exception("a message over the channel %s cannot be made", message.channel)
            return UndeliveredError("defect")
        return None

    def _letter(self, channel: Channel, message: Posting) -> Letter:
        domain = (self.mail.sender or "coc.invalid").rpartition("@")[2]
        subject, body = self._write(message.facts, channel.language)
        urgent = message.facts.get("severity") == "critical" and not message.facts.get("ended")
        return Letter(message_id(message.key, domain), subject, body, message.made, urgent)

    def _said(self, message: Posting, code: str, *, dead: bool) -> None:
        """Once when a channel breaks, and for each message that is given up."""
        if dead:
            log.warning("a message over the channel %s was given up: %s", message.channel, code)
        elif message.channel not in self._failing:
            log.warning("the channel %s takes no message: %s; it is tried again", message.channel, code)
        self._failing.add(message.channel)

    def _run(self) -> None:
        away = False
        while not self._stop.is_set():
            self._more.clear()
            try:
                self.deliver()
                away = False
            except LostLeaseError:
                log.debug("another process sends by now")
            except (sa.exc.SQLAlchemyError, StoreError, OSError) as error:
                if not away:
                    log.warning("the outbox cannot be read: %s", type(error).__name__)
                away = True
            except Exception:
                log.exception("a message cannot be sent")
            self._more.wait(LOOK_SECONDS)
