"""Do events come in lumps? The chance that rows of a cluster are alike, from which of them failed.

Two laws are weighed by Bayes' rule: all rows are independent, or rows of one cluster are correlated
by `icc` (Dirichlet-multinomial; for two categories beta-binomial, Skellam 1948, J. Royal Statistical
Society B 10:257-261). Before any row the second has the chance `BEFORE`: lumps are the dearer
mistake. Ten failures in ten large clusters speak for the first, ten in two for the second, and no
failure at all says next to nothing.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

BEFORE = 0.75


def lumped(events: Sequence[Sequence[float]], clusters: Sequence[Hashable], icc: float) -> float:
    """Return the chance of the second law, of which events each row is; the rest is none.

    `events` has a column for each event: 1 where the row failed, else 0. Parts of an event, as scores
    between would have them, have no such law.
    No row is correlated where its cluster has no name ("" or None).
    """
    sizes = Counter(clusters)
    sizes.pop("", None)
    sizes.pop(None, None)
    sums = {cluster: [0.0] * len(events) for cluster in sizes}
    for column, values in enumerate(events):
        for value, cluster in zip(values, clusters, strict=True):
            if value and cluster in sums:
                sums[cluster][column] += value
    totals = [math.fsum(column) + 0.5 for column in events]
    totals.append(len(clusters) + 0.5 * (len(events) + 1) - math.fsum(totals))
    shares = [total / math.fsum(totals) for total in totals]
    found = Counter((*one, sizes[name] - math.fsum(one)) for name, one in sums.items())
    log = math.log(BEFORE / (1 - BEFORE)) + math.fsum(
        times * _odds(counts, shares, 1 / icc - 1) for counts, times in found.items()
    )
    return 1 / (1 + math.exp(min(-log, 700.0)))


def _odds(counts: tuple[float, ...], shares: Sequence[float], whole: float) -> float:
    """Return the log of the ratio of both chances of one cluster's counts."""
    return math.lgamma(whole) - math.lgamma(math.fsum(counts) + whole) + math.fsum(
        math.lgamma(x + whole * share) - math.lgamma(whole * share) - x * math.log(share)
        for x, share in zip(counts, shares, strict=True)
        if x > 1e-9
    )  # fmt: skip
