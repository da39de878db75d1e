"""From scratch: a tokenizer and a small network, both learned from the rows."""

from volano.models.training import loop, network, small
from volano.models.training.job import Job, Outcome
from volano.models.training.recipe import Recipe


def train(job: Job) -> Outcome:
    """Learn the words, then the answers.

    Raises:
        BadRecipeError: the recipe cannot be used.
        DivergedError: the loss left the numbers.
    """
    fields = {**Recipe.for_dataset(job.rows).to_dict(), **small.asked(job, tuning=False)}
    recipe = Recipe.from_dict(fields)
    words = small.learn_words(job.rows, recipe)
    model = network.build(recipe, words.get_vocab_size())
    schedule = loop.Schedule(recipe.steps, recipe.lr, recipe.warmup)
    facts = small.learn(job, model, words, recipe, schedule, start="scratch", rows=job.rows)
    return Outcome(model, words, recipe, facts)
