"""Who may ask the page for anything, and what a browser may do with the answer."""

from __future__ import annotations

import hmac
import json
from decimal import Decimal
from typing import Any

from tornado import web

from labkit.basics.errors import LabkitError
from labkit.grading.marking.bench import Answer, Bench
from labkit.grading.marking.cards import Cards

SENT = ("comment", "flag", "give", "key", "text", "old", "new")


class Page(web.RequestHandler):
    """What all requests share: who may ask, and what a browser may do with the answer."""

    def initialize(self, bench: Bench, cards: Cards, token: str, hosts: set[str]) -> None:
        """Take what the server works with."""
        self.bench, self.cards, self.token, self.hosts = bench, cards, token, hosts

    def prepare(self) -> None:
        """Refuse whoever asks from elsewhere, or does not know the token."""
        origin = self.request.headers.get("Origin")
        given = self.request.headers.get("X-Labkit-Token") or self.get_query_argument("token", "")
        if self.request.host not in self.hosts or (origin and origin.partition("://")[2] not in self.hosts):
            raise web.HTTPError(403, reason="This page is for this machine alone")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPError(403, reason="Open the address that labkit mark printed")

    def set_default_headers(self) -> None:
        """Let nothing run and nothing be loaded; the page itself allows its own script and style."""
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        for name, value in (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ):
            self.set_header(name, value)
        self.clear_header("Server")

    def write_error(self, status_code: int, **more: Any) -> None:
        """Answer with a sentence in place of a traceback."""
        error = more.get("exc_info", (None, None))[1]
        told = isinstance(error, (LabkitError, web.HTTPError))
        sentence = str(error) if isinstance(error, LabkitError) else self._reason
        self.set_status(400 if isinstance(error, LabkitError) else status_code)
        self.finish({"error": sentence if told else f"labkit could not do this ({type(error).__name__})."})

    def log_exception(self, *error: Any) -> None:
        """Say nothing in the terminal of what the page says already."""
        if not isinstance(error[1], (LabkitError, web.HTTPError)):
            super().log_exception(*error)

    def answer_asked_for(self) -> Answer:
        """Return the answer that the address, or the body, names."""
        item, place = self.get_query_argument("item"), self.get_query_argument("place")
        return self.bench.place(item, int(place) if place.isdigit() and len(place) < 7 else -1)


def said_by(page: Page) -> dict[str, Any]:
    """Return what the page sent; 400 for anything else."""
    try:
        said = json.loads(page.request.body, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(isinstance(said.get(name, ""), str) for name in SENT):
        raise web.HTTPError(400, reason="This is nothing that the page sends")
    return said
