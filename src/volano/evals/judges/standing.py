"""Standing: how far a judge's scores may be believed, said wherever they are shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volano.evals.judges.scorer import KIND
from volano.evals.judges.telling import spelt
from volano.store import Artifact, Catalog
from volano.store.errors import UnknownArtifactError

UNCHECKED = "never checked against people"


def checks(catalog: Catalog, judge: Artifact) -> list[Artifact]:
    """Return the reports that checked this version against people, newest first."""
    found = [
        one
        for one in catalog.children(judge.digest)
        if one.kind == "report" and one.manifest.meta.get("about") == "judge"
    ]
    return sorted(found, key=lambda one: (one.created_us, one.number), reverse=True)


def standing(catalog: Catalog, judge: Artifact) -> dict[str, Any]:
    """Return whether a judge may be trusted alone; `mark` says it in a few words, `told` in one sentence."""
    found = checks(catalog, judge)
    if not found:
        told = f"{judge.ref} is not to be trusted alone: nobody checked it against people."
        return {
            "judge": judge.ref, "trusted": False, "told": told, "check": None, "mark": UNCHECKED,
        }  # fmt: skip
    meta = found[0].manifest.meta
    mark = f"agreement with people: kappa {spelt(meta['kappa'])} on {meta['n']} rows"
    return {
        "judge": judge.ref, "trusted": meta["trusted"], "told": meta["verdict"],
        "check": found[0].ref, "kappa": meta["kappa"], "n": meta["n"],
        "checked_us": found[0].created_us,
        "mark": mark if meta["trusted"] else f"{mark}, not to be trusted alone",
    }  # fmt: skip


def listed(catalog: Catalog, judge: Artifact) -> dict[str, Any]:
    """Return what a list says of a judge: the model that it asks, and its standing.

    `pinned` says that the model can never change: of one at a provider only the name is known.
    """
    meta, stands = judge.manifest.meta, standing(catalog, judge)
    checked = stands["check"] is not None
    return {
        "ref": judge.ref, "digest": str(judge.digest), "labels": [*judge.labels],
        "created_us": judge.created_us, "created_by": judge.created_by,
        "kind": meta.get("kind", ""), "model": str(meta.get("model") or ""),
        "judges": [*meta.get("judges", ())], "pinned": bool(meta.get("pinned")), **stands,
        "agreement": f"kappa {spelt(stands['kappa'])} on {stands['n']} rows" if checked else UNCHECKED,
    }  # fmt: skip


def standings(catalog: Catalog, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the standing of each judge once; of one that is gone, that it is."""
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(standing(catalog, catalog.get(KIND, name)))
        except UnknownArtifactError:
            found.append({"judge": name, "trusted": False, "check": None, "mark": "is not here",
                          "told": f"{name} is not here: nobody can say how far to believe it."})  # fmt: skip
    return list({one["judge"]: one for one in found}.values())


def judges_in(meta: Mapping[str, Any]) -> Sequence[str]:
    """Return the judges among a report's scorers, as its meta names them."""
    return judges_of(meta.get("scorers", ()))


def judges_of(scorers: Iterable[Any]) -> Sequence[str]:
    """Return the judges among the scorers of a suite."""
    specs = [one for one in scorers if isinstance(one, Mapping)]
    found = [spec["judge"] for spec in specs if isinstance(spec.get("judge"), Mapping)]
    return [str(one["judge"]) for one in found if "judge" in one]


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return the mark of each judge of a comparison as text."""
    return [f"judge {one['judge']}: {one['mark']}" for one in told.get("judges", ())]
