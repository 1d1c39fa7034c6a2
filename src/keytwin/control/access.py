"""Access: who may open what. Paper B, 3.1 and 3.2.

It holds no state of sessions: equal questions get equal answers, so a repeated question does no harm and a restart
forgets nothing. The SAE's identity itself was proven to the key manager; here it is held against the profiles. A user
whose access is revoked is no longer among them.
"""

from __future__ import annotations

from collections.abc import Iterable

from keytwin.vocabulary.blueprint import App, User
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import SessionRejected
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Send
from keytwin.vocabulary.session_messages import AuthenticateUser, Reason, UserAccepted, UserRefused
from keytwin.vocabulary.units import Instant


class Access:
    """Accept an SAE seen at its own node that opens its own app with that app's other SAE, for a known user."""

    def __init__(self, users: tuple[User, ...], apps: tuple[App, ...]) -> None:
        self._users = {user.id for user in users}
        self._apps = {app.id: app for app in apps}

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        if not isinstance(message, AuthenticateUser):
            raise UnexpectedMessage(f"access does not take {type(message).__name__}")
        app = self._apps.get(message.app)
        objection = f"there is no app {message.app}" if app is None else self._objection(app, message)
        if app is None or objection:
            rejected = SessionRejected(message.app, message.sae, Reason.NOT_ALLOWED.value, objection)
            return [Publish(rejected), Send(message.reply_to, UserRefused(message.open_id, Reason.NOT_ALLOWED))]
        return [Send(message.reply_to, UserAccepted(message.open_id, app.user))]

    def _objection(self, app: App, asked: AuthenticateUser) -> str:
        if app.user not in self._users:
            return f"there is no user {app.user}, who owns {app.id}"
        nodes = {end.sae: end.node for end in app.ends}
        if asked.sae not in nodes:
            return f"{asked.sae} is no SAE of {app.id}"
        if nodes[asked.sae] != asked.node:
            return f"{asked.sae} belongs to {nodes[asked.sae]} and was seen at {asked.node}"
        if asked.peer not in nodes or asked.peer == asked.sae:
            return f"{asked.peer} is not the other SAE of {app.id}"
        return ""
