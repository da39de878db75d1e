"""What a process that lives long tells Python's collector."""

import gc


def settle_memory() -> None:
    """Keep what was loaded out of the collector's way, and let it look more rarely.

    For processes that make many objects and hardly any cycles: a worker's calls, a
    recorder's rows. Say it once, when all that stays is there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
