"""Monitor: how well it goes, whether it is as promised and as it was, and who is told when it is not.

What enters: the sums that `traces` keeps, traces and feedback. What leaves: KPIs, each
defined once (`kpi`, of the business: `worth`), asked by any dimension (`Series`, `Scorecard`);
what a period brought (`Periods`) and why it was slow (`Diagnoses`); SLOs with their error budgets
(`SLOs`); alerts (`Alerts`), judged every few seconds by a `Watch` and sent by an
`Outbox`; and `drift`: has the traffic moved since a pinned window?
"""
