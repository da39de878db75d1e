import pytest

from volano.data.recipe.cache import Cache
from volano.data.recipe.collect import Limits
from volano.data.recipe.engine import Engine, Input
from volano.data.sources import open_source

TEXTS = ["alma", "Körte", "слива", "Äpfel", "梨", "alma", "plum", "körte", "", "zebra"]


class Kitchen:
    """A cache, small shards, and rows."""

    def __init__(self, folder):
        self.cache = Cache(folder / "cache")
        self.limits = Limits(rows=4, size=10_000)

    def rows(self, count=20):
        return [{"n": n, "text": f"{TEXTS[n % len(TEXTS)]}"} for n in range(count)]

    def engine(self, executor=None, **options):
        return Engine(self.cache, executor, limits=self.limits, **options)

    def inputs(self, rows=None):
        given = self.rows() if rows is None else rows
        return [Input("toys", lambda: open_source({"rows": given}))]

    def run(self, steps, rows=None, executor=None, **options):
        return self.engine(executor).run(self.inputs(rows), steps, **options)

    def texts(self, prepared):
        return [row["text"] for row in self.engine().rows(prepared)]

    def reasons(self, prepared):
        return [(one["step"], one["reason"], one["row"].get("n"))
                for one in self.engine().rejected(prepared)]  # fmt: skip

    def files(self, part):
        return {p for p in (self.cache.folder / part).rglob("*") if p.is_file()}


@pytest.fixture
def kitchen(tmp_path):
    return Kitchen(tmp_path)
