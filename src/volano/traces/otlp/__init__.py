"""Spans of other applications: an export request as it came becomes rows of `spans`.

What enters: the bodies that gateway workers spooled (`frame.Spans`), protobuf or
JSON. What leaves: rows, and what could not be one with the reason (`Taken`).
`conventions` holds, as data, what each of four dialects calls things; `plan`
makes of it, once for each set of attribute names, the few steps that such a
span needs; `row` does them.
"""
