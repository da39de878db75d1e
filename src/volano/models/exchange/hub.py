"""A hub of models: `hf:org/name@revision`, pinned to the commit that the revision names now.

What is fetched is chosen by name before it is fetched: no pickles, no code.
Nothing waits for ever: a hub that does not answer within seconds is an error.
`HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_TOKEN` are taken as its own tools take them.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.data.extra import needed
from volano.models.checks.tree import LIMITS, check_name
from volano.models.errors import HubError, RefusedFileError, UnknownSourceError
from volano.models.exchange.found import is_wanted

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

PREFIX = "hf:"
TIMEOUT_S = 10
_PLACE = re.compile(r"(?P<repo>[\w.\-]{1,96}/[\w.\-]{1,96})(?:@(?P<revision>[\w.\-/]{1,200}))?")


def take(said: str, to: Path) -> tuple[dict[str, Path], dict[str, Any], list[str]]:
    """Fetch a revision into a folder; return its files, its source, and what was left out.

    Raises:
        UnknownSourceError: it cannot be the name of a repository.
        HubError: the hub does not answer, or does not have it.
        RefusedFileError: it is too much, or a name leads elsewhere.
        MissingExtraError: `huggingface_hub` is not installed.
    """
    place = _PLACE.fullmatch(said)
    if place is None:
        reason = "it is no `org/name@revision`"
        raise UnknownSourceError(source=(PREFIX + said)[:200], reason=reason)
    hub = needed("huggingface_hub", by="import from a hub", extra="train")
    settings = needed("huggingface_hub.constants", by="import from a hub", extra="train")
    repo, revision = place["repo"], place["revision"] or "main"
    try:
        info = hub.HfApi().model_info(
            repo, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        )
        names = {check_name(one.rfilename): one.size or 0 for one in info.siblings or ()}
        wanted = {name: size for name, size in names.items() if is_wanted(name, names)}
        _check_room(repo, wanted)
        for name in wanted:
            hub.hf_hub_download(repo, name, revision=info.sha, local_dir=to, etag_timeout=TIMEOUT_S)
    except (OSError, RuntimeError, ValueError, httpx2.HTTPError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HubError(repo=repo, hub=settings.ENDPOINT, reason=reason) from error
    files = {name: to / name for name in wanted}
    source: dict[str, Any] = {"hub": repo, "revision": info.sha}
    return files, source, sorted(set(names) - set(wanted))


def _check_room(repo: str, wanted: dict[str, int]) -> None:
    if len(wanted) > LIMITS.files or sum(wanted.values()) > LIMITS.bytes:
        reason = f"it has {len(wanted)} files of {sum(wanted.values())} bytes"
        raise RefusedFileError(file=repo, reason=reason, way="Fetch the part that you need.")
