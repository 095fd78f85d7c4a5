"""The page on which people mark: one server on this machine alone, for one grader.

Whoever asks must know the token of the address, and must ask from this very page. Each key press is on the disk before
the page shows it.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from typing import Any

from markupsafe import Markup
from tornado import httpserver, netutil, web

from labkit.basics import signals
from labkit.basics.errors import LabkitError
from labkit.basics.pages.sanitise import inline_hash
from labkit.grading.judging.batch_progress import tell
from labkit.grading.marking.agreement import agreements, drift
from labkit.grading.marking.bench import Bench
from labkit.grading.marking.cards import TEMPLATES, Cards
from labkit.grading.marking.evidence import figure
from labkit.grading.marking.guarded import Page, said_by
from labkit.grading.marking.report_anew import report_anew
from labkit.grading.marks.near import nearest_marked
from labkit.grading.pages.site import TEMPLATES as PAGES
from labkit.grading.pages.site import environment

ADDRESS = "127.0.0.1"
LARGEST_REQUEST = 200_000  # bytes
MOST_NAMED = 20  # submissions whose points changed


class Desk(Page):
    """The page itself."""

    def get(self) -> None:
        """Return it, with the content security policy that lets its own script and style be, and nothing else."""
        files = (PAGES / "pages.css", TEMPLATES / "bench.css", TEMPLATES / "bench.js")
        colours, own, script = (file.read_text(encoding="utf-8") for file in files)
        style = colours + own
        policy = [
            "default-src 'none'",
            "img-src 'self' data:",
            "connect-src 'self'",
            f"style-src {inline_hash(style)}",
            f"script-src {inline_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
        self.set_header("Content-Security-Policy", "; ".join(policy))
        items = [(name, self.cards.title(name)) for name, answers in self.bench.answers.items() if answers]
        self.finish(
            environment(TEMPLATES)
            .get_template("bench.html")
            .render(style=Markup(style), script=Markup(script), token=self.token, items=items, bench=self.bench)
        )


class Next(Page):
    """Which answer comes next."""

    def get(self) -> None:
        """Return the item and the place of the next open answer, and how far all is."""
        self.bench.refresh()
        place = self.get_query_argument("place", "-1")
        found = self.bench.following(self.get_query_argument("item", ""), int(place) if place.isdigit() else -1)
        self.finish({"next": found, **_counts(self.bench)})


class Card(Page):
    """One answer with what stands beside it."""

    def get(self) -> None:
        """Return it as HTML, with its mark and how far all is."""
        self.bench.refresh()
        self.finish({**self.cards.card(self.answer_asked_for()), **_counts(self.bench)})


class State(Page):
    """How an answer is marked by now."""

    def get(self) -> None:
        """Return it, with the comments that come back and how far all is."""
        self.bench.refresh()
        answer = self.answer_asked_for()
        place = self.bench.answers[answer.item].index(answer)
        self.finish({"item": answer.item, "place": place, **self.cards.mark(answer), **_counts(self.bench)})


class Near(Page):
    """The marked answer that is most like this one."""

    async def get(self) -> None:
        """Return it as HTML with its mark; nothing where none is near."""
        answer = self.answer_asked_for()
        answers = self.bench.answers[answer.item]
        marked = [self.bench.line_of(one) is not None for one in answers]
        texts = [one.text for one in answers]
        place = await asyncio.to_thread(nearest_marked, texts, answers.index(answer), marked.__getitem__)
        self.finish({} if place is None else self.cards.near(answers[place]))


class Mark(Page):
    """What a grader says of an answer."""

    def post(self) -> None:
        """Write it, and return it as it is counted."""
        said = said_by(self)
        answer = self.answer_asked_for()
        values: dict[str, Any] = {name: said[name] for name in ("items", "points", "comment", "flag") if name in said}
        if give := said.get("give"):
            values |= self.bench.all_or_nothing(answer, give == "full")
        self.bench.mark(answer, **values)
        self.finish({**self.cards.mark(answer), **_counts(self.bench)})


class Comment(Page):
    """A comment that stands on several answers."""

    def post(self) -> None:
        """Change it on all of them, and say on how many."""
        said = said_by(self)
        item = self.get_query_argument("item")
        count = self.bench.change_comment(item, said["old"], said["new"]) if item in self.bench.answers else 0
        self.finish({"told": f"The comment is changed on {count} answers."})


class Rubric(Page):
    """The points of a criterion, or a new one."""

    def post(self) -> None:
        """Change it for all answers, and say whose points changed."""
        said = said_by(self)
        item = self.get_query_argument("item")
        changed = self.bench.change_rubric(item, said["key"], said["points"], said.get("text", ""))
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        listed = f"{'; '.join(changed[:MOST_NAMED])}{more}"
        self.finish({"told": f"Points changed of {len(changed)} submissions{': ' if changed else '.'}{listed}"})


class Figure(Page):
    """A figure of a group's own re-run."""

    async def get(self) -> None:
        """Return it as a picture that was drawn anew."""
        submission = self.get_query_argument("submission")
        if submission not in self.bench.given:
            raise web.HTTPError(404, reason="There is no such submission")
        picture = await asyncio.to_thread(figure, self.bench.out, submission, self.get_query_argument("name"))
        if picture is None:
            raise web.HTTPError(404, reason="There is no such figure")
        kind, _, content = picture.address.removeprefix("data:").partition(";base64,")
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "private, max-age=3600")
        self.finish(base64.b64decode(content))


class Report(Page):
    """A group's report, built anew from the re-run."""

    async def get(self) -> None:
        """Return the PDF."""
        submission = self.get_query_argument("submission")
        if submission not in self.bench.given:
            raise web.HTTPError(404, reason="There is no such submission")
        known = self.cards.attempts_of(submission), self.bench.exchanges(submission)
        content = await asyncio.to_thread(report_anew, self.bench.out, submission, *known)
        self.set_header("Content-Type", "application/pdf")
        self.set_header("Content-Disposition", f'inline; filename="{submission}.pdf"')
        self.finish(content)


class Overview(Page):
    """How far the marking is, and how far graders agree."""

    async def get(self) -> None:
        """Return it as HTML."""
        found = await asyncio.to_thread(agreements, self.bench)
        values = {"agreements": found, "drift": drift(self.bench), "counts": self.bench.counts()}
        html = environment(TEMPLATES).get_template("overview.html").render(**values, title=self.cards.title)
        self.finish({"html": html})


def serve(bench: Bench, attempts: Any, names: bool, port: int = 0, ready: Callable[[str], Any] = tell) -> None:
    """Serve the page until the user ends it.

    attempts: the newest at each notebook. names: show who handed in. port: 0 for any that is free.
    ready: gets the address once the server answers.
    """
    asyncio.run(_serve(bench, Cards(bench, attempts, names), port, ready))


async def _serve(bench: Bench, cards: Cards, port: int, ready: Callable[[str], Any]) -> None:
    token = secrets.token_urlsafe(24)
    rooms: dict[str, type[Page]] = {
        "/": Desk,
        "/next": Next,
        "/card": Card,
        "/state": State,
        "/near": Near,
        "/mark": Mark,
        "/comment": Comment,
        "/rubric": Rubric,
        "/figure": Figure,
        "/report": Report,
        "/overview": Overview,
    }
    try:
        sockets = netutil.bind_sockets(port, ADDRESS)
    except OSError as error:
        raise LabkitError(f"Port {port} cannot be used ({error.strerror}): choose another one with --port.") from error
    port = sockets[0].getsockname()[1]
    shared = {"bench": bench, "cards": cards, "token": token, "hosts": {f"{ADDRESS}:{port}", f"localhost:{port}"}}
    application = web.Application([(path, room, shared) for path, room in rooms.items()], log_function=lambda _: None)
    server = httpserver.HTTPServer(application, max_body_size=LARGEST_REQUEST, max_buffer_size=LARGEST_REQUEST)
    server.add_sockets(sockets)
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    with signals.calling(lambda: loop.call_soon_threadsafe(ended.set)):
        ready(f"http://{ADDRESS}:{port}/?token={token}")
        try:
            await ended.wait()
        finally:
            server.stop()


def _counts(bench: Bench) -> dict[str, Any]:
    counts = bench.counts()
    return {"counts": counts, "all": [sum(one[side] for one in counts.values()) for side in range(3)]}
