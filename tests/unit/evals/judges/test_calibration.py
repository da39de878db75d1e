"""How far a judge agrees with people, in words: also where it said nothing at all."""

from volano.evals.judges.calibration import trust
from volano.stats.agreement import weighted_kappa


def test_a_judge_that_never_gave_a_verdict_is_not_said_to_have_always_said_the_same():
    silent = trust(weighted_kappa([]), 0.6)
    assert not silent["trusted"] and "no verdict" in silent["why"]
    constant = trust(weighted_kappa([(1.0, 1.0)] * 40), 0.6)
    assert "always said the same" in constant["why"]
