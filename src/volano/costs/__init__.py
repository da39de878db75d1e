"""Costs: what calls cost, what may be spent, and that no more is spent.

A call has a `Price` before it is made, holds its worst case in a `Purse`, and
settles what it really cost. `price` is pure; `book` knows the prices; `budget`
says what may be spent; `purse` (workers) and `treasury` (control) keep to it
over all workers of a host, through the shared memory laid out in `memory`.

Enters: usage, prices, traces. Leaves: nano-units. Not here: rates of calls and
tokens (the gateway's limits).
"""
