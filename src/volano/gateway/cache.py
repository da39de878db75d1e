"""The exact cache: the same question to the same release has the same answer, for a while.

    key    = who shares (group, channel or release), the release's digest, the door,
             and the digest of the request's bytes (`words.digest`)
    answer = the bytes that the client got

Each worker has its own, bounded in bytes; the answer that was not used for the
longest time goes first. How long one is good for is asked when it is looked up,
by the channel's settings of that moment. It holds whole, clean answers only;
`coalesce.Flight` sees to that.
"""

MAX_ANSWER_BYTES = 1 << 20
"""A larger answer is not kept."""
OVERHEAD_BYTES = 400
"""What an entry takes besides its answer: key, tuple, dictionary, allocator."""

Key = tuple[str, str, str, str, str, bytes]


def key_of(scope: str, channel: str, group: str, release: str, door: str, words: bytes) -> Key:
    """Name the question; `release` is a digest: a new release never answers with old words."""
    if scope == "group":
        return scope, channel, group, release, door, words
    return scope, channel if scope == "channel" else "", "", release, door, words


class Cache:
    """A worker's answers, `most` bytes of them. Times are microseconds of the monotonic clock."""

    __slots__ = ("_answers", "life", "most", "size")

    def __init__(self, most: int):
        self.most = most
        self.size = 0
        self.life = 0
        """Grows when it is emptied: what was asked before is not kept after."""
        self._answers: dict[Key, tuple[bytes, int]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Key, now_us: int, ttl_s: int) -> bytes | None:
        """Return the answer, if there is one that is not older than this."""
        found = self._answers.pop(key, None)
        if found is None:
            return None
        answer, kept_us = found
        if now_us - kept_us >= ttl_s * 1_000_000:
            self.size -= OVERHEAD_BYTES + len(answer)
            return None
        self._answers[key] = found  # the last one again: used just now
        return answer

    def put(self, key: Key, answer: bytes, *, now_us: int) -> None:
        """Keep an answer; others go where room is needed. One that is too large is not kept."""
        former = self._answers.pop(key, None)
        if former is not None:
            self.size -= OVERHEAD_BYTES + len(former[0])
        size = OVERHEAD_BYTES + len(answer)
        if len(answer) > MAX_ANSWER_BYTES or size > self.most:
            return
        self.size += size
        while self.size > self.most:
            oldest = next(iter(self._answers))
            self.size -= OVERHEAD_BYTES + len(self._answers.pop(oldest)[0])
        self._answers[key] = (answer, now_us)

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()
        self.size = 0
        self.life += 1
