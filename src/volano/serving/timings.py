"""llama.cpp's own `timings`, cut out of an answer without reading the rest of it.

OpenAI's answers have no such field, and it tells every client how fast the
machine is and how much of a prompt was cached. llama.cpp always puts it last
into a plain answer and into the last event of a stream (`timings_per_token`
only adds it to the other events), so it is cut off at the end of the bytes.
"""

_BEGIN = b',"timings":{'


def without_timings(data: bytes) -> bytes:
    """Return an answer, or one event of a stream, without `timings` at its end.

    Within a JSON text the quotes would be escaped, so these bytes can only be
    the field; what does not end right behind it is left as it is.
    """
    at = data.rfind(_BEGIN)
    if at < 0:
        return data
    rest = data[data.find(b"}", at) + 1 :]
    return data[:at] + rest if rest.strip() == b"}" else data
