"""Rows that a model makes: asked for through the gateway, within a budget, and never paid for twice.

- `asker`: one question at a time, asked again where that may help.
- `answers`: what was answered, kept by what was asked.
- `purse`: how much may be spent; `asking`: all questions in order, several at once.
- `schema`: whether an answer is what was asked for.
"""
