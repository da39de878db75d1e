"""Templates of prompts: a small part of Jinja, evaluated by a walker of our own.

    text --parse--> tree (plain JSON) --fill--> text

Only who saves a prompt parses (`parse`, with Jinja's own parser). What travels to the
gateway's workers and to applications is the tree, which `fill` walks with nothing but the
standard library: no code is generated, no attribute of a Python object is ever looked up,
and each step is counted, so that no template can hang, grow or reach anything.
"""
