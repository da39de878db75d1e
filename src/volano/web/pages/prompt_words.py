"""What pages say of a prompt: its messages with their slots marked, its variables, who uses it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from volano.core.errors import VolanoError
from volano.core.template.variable import Variable
from volano.evals.playground.sketch import messages_of
from volano.prompts.prompt import Prompt
from volano.web.pages import links, words
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Said

_SLOT = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_SAMPLES: Mapping[str, Any] = {
    "number": 1.5, "integer": 3, "boolean": True, "list": ["…"], "object": {"…": "…"},
}  # fmt: skip
FILE = "prompt.json"


def read(app: Any, artifact: Any) -> Prompt | None:
    """Return the prompt; None where its file is none."""
    try:
        return Prompt.from_bytes(app.catalog.read(artifact, FILE))
    except (VolanoError, KeyError):
        return None


def messages(prompt: Prompt | None, artifact: Any) -> list[dict[str, str]]:
    """Return the messages as they are written; of one that cannot be read, what its card says."""
    if prompt is not None:
        return messages_of(prompt)
    template = artifact.manifest.meta.get("template")
    return [{"role": "user", "content": str(template)}] if template else []


def marked(text: str) -> Markup:
    """Return a template with its slots marked; all of it is escaped."""
    return Markup("").join(
        Markup('<mark class="slot">{}</mark>').format(words.visible(part))
        if _SLOT.fullmatch(part)
        else words.visible(part)
        for part in _SLOT.split(text)
        if part
    )


def said(found: Sequence[Mapping[str, str]], *, slots: bool = True) -> list[Said]:
    """Return messages as they are shown."""
    return [
        Said(one["role"], marked(one["content"]) if slots else words.visible(one["content"]))
        for one in found
    ]


def sample(variable: Variable) -> Any:
    """Return what stands for a value in a preview: the default, else its name in quotes."""
    if variable.default is not None:
        return variable.default
    if variable.type == "choice":
        return variable.choices[0]
    return _SAMPLES.get(variable.type, f"«{variable.name}»")


def preview(prompt: Prompt, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the messages with these values, and samples for the others.

    Raises:
        FillError, UnfitValueError: they cannot be filled so.
    """
    given = {name: sample(one) for name, one in prompt.variables.items()}
    return [*prompt.render({**given, **(values or {})})]


def shown(value: Any) -> str:
    """Return a value as a field shows it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def holds(prompt: Prompt | None, artifact: Any) -> str:
    """Say how much it says: `2 messages, 1 variable`."""
    n = len(messages(prompt, artifact))
    told = [ngettext("one message", "{n} messages", n).format(n=n)]
    if prompt is not None:
        n = len(prompt.variables)
        told.append(ngettext("one variable", "{n} variables", n).format(n=n))
        if prompt.examples is not None:
            n = prompt.examples.n
            told.append(ngettext("one example", "{n} examples", n).format(n=n))
    return ", ".join(told)


def why(artifact: Any) -> str:
    """Return why a version was made; empty where nobody said."""
    return str(artifact.manifest.meta.get("why") or "")


def users(app: Any, artifact: Any) -> tuple[list[Any], list[Any], list[str]]:
    """Return the flows and the releases with this prompt, newest first, and the channels they serve."""
    children = app.catalog.children(artifact.digest)
    flows = [one for one in children if one.kind == "flow"]
    below = [*children, *app.catalog.made_of([one.digest for one in flows])]
    found = {one.digest: one for one in below if one.kind == "release"}
    releases = sorted(found.values(), key=lambda one: -one.manifest.created_us)
    refs = {one.ref for one in releases}
    served = [
        one.name
        for one in app.releases.channels()
        if {one.stable_ref, getattr(one, "candidate_ref", None)} & refs
    ]
    return sorted(flows, key=lambda one: -one.manifest.created_us), releases, served


def reports(app: Any, artifact: Any, flows: Sequence[Any]) -> list[Any]:
    """Return the reports on the prompt and on flows with it, newest first."""
    below = [*app.catalog.children(artifact.digest),
             *app.catalog.made_of([one.digest for one in flows])]  # fmt: skip
    found = {one.digest: one for one in below if one.kind == "report"}
    return sorted(found.values(), key=lambda one: -one.manifest.created_us)


def channels(names: Sequence[str]) -> Markup:
    """Return links to channels."""
    return Markup(", ").join(links.link(links.listing("traces", channel=n), n) for n in names)


def playground(ref: str) -> str:
    """Return the address of the playground with this prompt."""
    return f"/playground?{urlencode({'prompt': ref})}"


def differences(old: str = "", new: str = "") -> str:
    """Return the address of two versions side by side."""
    asked = urlencode({name: value for name, value in (("old", old), ("new", new)) if value})
    return f"/prompts/diff{'?' + asked if asked else ''}"
