"""Mail by SMTP: STARTTLS wherever the server offers it, TLS from the start at port 465."""

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from volano.adapters.notify import said as of
from volano.core.ports.notify import BadReceiverError, Notice, Notify

_KNOWN = ("host", "port", "from", "to", "user", "password_env", "tls")


def smtp(said: Mapping[str, Any]) -> Notify:
    """Return the receiver: host, port, from, to; user and password_env; tls: no allows plain text."""
    of.need(said, known=_KNOWN, one_of=(("host",), ("from",), ("to",)))
    try:
        port = int(said.get("port", 587))
    except (TypeError, ValueError) as error:
        raise BadReceiverError(why="`port` is a number") from error
    to = [said["to"]] if isinstance(said["to"], str) else [*said["to"]]
    if said.get("password_env") and said.get("tls", True) in (False, "no", "false"):
        raise BadReceiverError(why="a password is not sent without TLS")

    def tell(notice: Notice) -> None:
        password = of.secret(said, "password")
        try:
            with _open(
                str(said["host"]), port, plain=said.get("tls", True) in (False, "no", "false")
            ) as line:
                if password:
                    line.login(str(said.get("user") or said["from"]), password)
                line.send_message(_message(notice, str(said["from"]), to))
        except (OSError, smtplib.SMTPException) as error:
            raise of.NotTakenError(why=f"the mail server: {type(error).__name__}") from error

    return tell


def _open(host: str, port: int, *, plain: bool) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if port == 465:
        return smtplib.SMTP_SSL(host, port, timeout=of.TIMEOUT_S, context=context)
    line = smtplib.SMTP(host, port, timeout=of.TIMEOUT_S)
    try:
        if not plain:
            line.starttls(context=context)
    except BaseException:
        line.close()
        raise
    return line


def _message(notice: Notice, sender: str, to: list[str]) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = notice.title.replace("\n", " ")
    made["From"], made["To"] = sender, ", ".join(to)
    made["Date"] = formatdate()
    made["Message-ID"] = f"<{notice.id}@volano>"
    made.set_content("\n".join([*notice.lines(), "", notice.url]), cte="quoted-printable")
    return made
