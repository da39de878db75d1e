"""Providers' APIs in small: strict readers of requests that answer, fail, stall and cut.

One file a provider, each a pure function

    answer(path, headers, body, act) -> (status, headers, chunks)

written from the provider's public documentation and from nothing of ours, so that it
can contradict us. `serving.Provider` puts such a function on a loopback socket.
"""
