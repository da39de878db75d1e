"""Pure mathematics on the standard library and numpy: intervals, tests that may be watched, drift.

What enters: counts and numbers. What leaves: intervals, e-values, bounds.
Nothing here reads a clock, a file or a random number.

- `intervals`: one look at finished data: Wilson, paired differences.
- `attribution`: whose failures are these? Sequential test of harm.
- `average`: bounds on a running mean in [0, 1] that hold at every look, also
  while the rate drifts; what the gates of a rollout use.
- `proportion`: Robbins' beta-binomial bounds on one constant proportion.
- `betting`: tests and bounds for the mean of scores in [0, 1] that adapt to
  their variance.
- `aimed`: the same, sooner, where it is known which difference matters.
- `baseline`: what always saying the commonest answer would score.
- `grams`: features of texts in any language: hashed character n-grams.
- `distance`: how far apart two samples are: texts (MMD), numbers, categories.
- `novelty`: how alone texts are: what is new but scattered.
- `sharpest`: several measures as one test.
- `shuffle`: exact p-values by permuting whole units.
- `multiple`: many questions in one look, and looks without end.
- `needed`: how large a sample must be before "nothing found" means something.
- `topics`: groups of texts, and the words that tell them apart.
- `surrogate`: guesses what was not measured (a Gaussian process).
- `correction`: what people would have said, from a judge's scores and a few labels of people.
- `slope`: does one number move with another among rows that are alike otherwise?
- `preference`: win rates and Bradley-Terry strengths from comparisons of two.
- `special`: the functions `math` lacks.

"Sequential" means valid at every look (anytime-valid): by Ville's inequality
(1939) a nonnegative supermartingale that starts at 1 ever reaches 1/alpha with
probability at most alpha, so one may look after each observation and stop at
will. Each sequential class takes observations by `observe` and shows itself by
`to_dict`.
"""
