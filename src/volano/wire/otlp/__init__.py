"""OTLP/HTTP traces, as far as a door must understand them (opentelemetry-proto 1.x).

`protobuf` walks the frame of a message without a library: enough to know that it
is whole, how many spans it has, and whether each has its ids. `json` reads the
JSON form whole. `answers` writes what an exporter hears.
"""
