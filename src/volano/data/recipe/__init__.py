"""Recipes: sources and steps become rows, with a reason for each row that was left out.

What enters: a recipe in YAML or objects. What leaves: rows in shards, rejected
rows with reasons, and a report; a Run makes a dataset of them.

- `recipe`, `yaml_text`: what a recipe says, and where it says something wrong.
- `source`, `collect`: rows come in, in shards of fixed size.
- `shard`, `cache`: rows on the disk by their sha256, and what a step made of them.
- `task`, `identity`: what is done with one shard, and what names it.
- `executor`, `engine`, `pace`: all shards, on one core or many.
- `report`, `preview`: how many rows and why; step by step on a few.
- `passing`, `keeper`: the child process of a Run, and `Recipes`, the verbs.
"""

from volano.data.recipe.recipe import Recipe

__all__ = ["Recipe"]
