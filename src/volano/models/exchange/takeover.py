"""Takeover: what a Modelfile says of a model becomes the model's, as far as it is understood.

TEMPLATE becomes the chat template where the weights have none; SYSTEM, MESSAGE and those
PARAMETERs that a prompt has are kept for the model's prompt. Whatever is not taken is told,
with what to do about it.
"""

from pathlib import Path

from volano.models.checks.gguf import check_gguf
from volano.models.checks.templates import check_templates
from volano.models.errors import RefusedFileError
from volano.models.exchange import worded
from volano.models.exchange.found import CONFIG, Found
from volano.models.exchange.go_template import NotUnderstoodError, to_jinja
from volano.models.exchange.modelfile import (
    ASKED_BY,
    MODELFILE,
    MOST_MESSAGES,
    MOST_STOPS,
    Modelfile,
)
from volano.models.kinds import GGUF
from volano.models.wording import ASKED, META, MOST_CHARS

TEMPLATE_FILE = "chat_template.jinja"
MOST_SHOWN = 10

OTHER_TEMPLATE = (
    "The TEMPLATE of the Modelfile is not used: the weights have a chat template of their own, which is. "
    "Compare some answers with Ollama's."
)
UNREAD_TEMPLATE = (
    "The TEMPLATE of the Modelfile is not used: {reason} {instead} "
    "Write it as a chat template (Jinja) into the weights' own files, and import those."
)
WRITTEN = "The TEMPLATE of the Modelfile is the model's chat template now; of tools and thinking it says nothing."
NO_PLACE = (
    "The TEMPLATE of the Modelfile is not used: without weights of its own the model is asked by its "
    "base's chat template. Import the base with that TEMPLATE."
)
KEPT = (
    "{words} of the Modelfile {are} kept for its prompt: see `volano model wording {name} --json`, "
    "and say the same with `volano prompt save`."
)
KEPT_MESSAGES = (
    "MESSAGE of the Modelfile is kept beside its prompt: see `asked` in `volano model show {name} --json`, "
    "and write it into the `messages` of a prompt."
)
UNKEPT = (
    "PARAMETER {names} of the Modelfile {are} not taken: no prompt says that. Callers may send what the "
    "engine knows with each request; `num_ctx` is the model's own context."
)
TOO_LARGE = (
    "{words} of the Modelfile {are} not taken: a prompt has at most "
    f"{MOST_CHARS:,} characters, {MOST_MESSAGES} messages and {MOST_STOPS} stops. "
    "Say less in the Modelfile, and import it again."
)
NO_ADAPTER = (
    "The ADAPTER of the Modelfile is not taken: answers are those of the base alone. Import its folder "
    "of PEFT with `--base {name}`."
)
LEFT = "Lines of the Modelfile that say {words} were not understood and are not taken."


def take_over(said: Modelfile, folder: Path, found: Found, name: str) -> None:
    """Take over what a Modelfile says of the model that was found, and note what is not.

    One that volano wrote beside a GGUF whose words are known says nothing new.
    """
    if META in found.meta:
        return
    if said.template is not None:
        _template(said.template, folder, found)
    asked, large = said.asked()
    if asked:
        found.meta[ASKED] = asked
        words = [word for key, word in ASKED_BY.items() if key in asked and key != "messages"]
        if words:
            found.notes.append(KEPT.format(words=", ".join(words), are=_are(words), name=name))
        if "messages" in asked:
            found.notes.append(KEPT_MESSAGES.format(name=name))
    if large:
        found.notes.append(TOO_LARGE.format(words=", ".join(large), are=_are(large)))
    if unkept := said.settings()[1]:
        names = ", ".join(unkept[:MOST_SHOWN])
        found.notes.append(UNKEPT.format(names=names, are=_are(unkept)))
    if said.adapter:
        found.notes.append(NO_ADAPTER.format(name=name))
    if said.strange:
        words = [*dict.fromkeys(said.strange)][:MOST_SHOWN]
        found.notes.append(LEFT.format(words=", ".join(words)))
    if said.license and said.license.strip():
        first = said.license.strip().splitlines()[0]
        found.meta.setdefault("source", {}).setdefault("license", first[:100])


def _are(words: list[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _template(template: str, folder: Path, found: Found) -> None:
    """Give the model the chat template that the Modelfile says, where it has none."""
    has = bool(found.meta.get("chat_template"))
    instead = "The weights' own chat template is." if has else "Engines take one of their own."
    said, reason = _translated(template)
    if reason:
        found.notes.append(UNREAD_TEMPLATE.format(reason=reason, instead=instead))
    elif has:
        found.notes.append(OTHER_TEMPLATE)
    elif _write(said, folder, found):
        found.meta["chat_template"] = True
        found.notes.append(WRITTEN)
    else:
        found.notes.append(NO_PLACE)


def _translated(template: str) -> tuple[str, str]:
    """Return the template as engines render it, and why it cannot be used where it cannot."""
    try:
        said = to_jinja(template)
        notes = check_templates({"TEMPLATE": said}, MODELFILE)
    except (NotUnderstoodError, RefusedFileError) as error:
        return "", error.message
    return said, " ".join(f"{note.rstrip('.')}." for note in notes)


def _write(said: str, folder: Path, found: Found) -> bool:
    """Write a chat template where engines read one; false where the model has no such place."""
    if GGUF in found.files:
        header = check_gguf(found.files[GGUF], numbers=False)
        worded.write_template(found.files[GGUF], header, said)
    if CONFIG in found.files:
        (folder / TEMPLATE_FILE).write_text(said, encoding="utf-8")
        found.files[TEMPLATE_FILE] = folder / TEMPLATE_FILE
    return GGUF in found.files or CONFIG in found.files
