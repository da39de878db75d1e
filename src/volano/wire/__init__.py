"""Bytes on the wire: HTTP/1.1 both ways, server-sent events, the OpenAI format.

In order of a request's way: `http_server` turns a socket into Requests (`request`, `lawful`),
`openai` reads the few fields a gateway needs, `http_client` carries the call to
an upstream over a pooled connection, `sse` cuts the answer at event boundaries,
`timers` ends whatever takes too long. Nothing here knows keys, channels or
traces: the gateway gives it meaning.
"""
