"""Pairs: the same call, answered by what is served and, unseen, by a candidate.

What enters: copies of calls beside the calls they copy, and scores that were given to both.
What leaves: verdicts on the candidate while it is only shadowed, and lists of pairs.

- `pair`: one pair, and what can be said of it without asking anybody; `form`: kept or not.
- `evidence`: what all pairs together prove, counted once for each unit.
- `verdicts`: that in words: what a shadow step waits for, and what takes a candidate back.
- `reading`: fills the evidence from records and feedback.
- `judging`: asks a judge about both answers, in the background, each paid for once.
- `listing`: the pairs side by side, the most different first.
"""
