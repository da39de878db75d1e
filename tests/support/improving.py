"""A workspace with a search for better words, also as a process of its own that can be killed.

    python -m support.improving FOLDER URL [START]

With START it begins a search; without, it takes up what was begun before. It ends with the Run.
"""

import sys
from pathlib import Path

from support import databases
from support.workspace import ANNA, Workspace
from volano.data import Datasets
from volano.evals import Evals
from volano.evals.candidates import Candidates
from volano.evals.examine import Examiner
from volano.evals.wording import Improver
from volano.jobs.keeper import Runs
from volano.prompts import Prompts
from volano.store.db import Database


def furnish(desk, price_of=None, held=tuple):
    """Give a workspace runs, datasets and the search."""
    folder = desk.folder
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.prompts = Prompts(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)
    candidates = Candidates(desk.models, desk.flows, desk.prompts, desk.targets.get)
    desk.improver = Improver(
        desk.runs, desk.catalog, desk.prompts, desk.datasets, candidates, examiner, price_of,
        held=held,
    )  # fmt: skip
    return desk


def fill(desk, url, train, test):
    """Put in what is searched: a prompt, a dataset, and models behind a url."""
    desk.datasets.add("mail", train, test=test, by=ANNA)
    desk.prompts.save("sort", system="Answer with a code.", by=ANNA)
    for name in ("coded", "deaf", "writer"):
        desk.models.add_pointer(name, url=url + "/v1", model=name, by=ANNA)


def main():
    from simulators.prompted import rows

    folder, url, *start = sys.argv[1:]
    db = Database(databases.sqlite_url(Path(folder)))
    db.migrate()
    desk = furnish(Workspace(Path(folder), db))
    if start:
        fill(desk, url, rows(160), rows(60, 1, start=900))
        desk.improver.improve(
            "sort", data="mail", model="coded", budget_calls=600, trials=6, at_once=4, by=ANNA
        )
    desk.runs.launch()
    (run,) = desk.runs.list()
    print(desk.runs.wait(run.id, 120).state)
    desk.runs.close()
    db.close()


if __name__ == "__main__":
    main()
