"""What can go wrong between a release and its channel."""

from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    GateError,
    IntegrityError,
    InvalidError,
    NotFoundError,
)


class TamperedReleaseError(IntegrityError):
    """The release `{ref}` is not what was signed: {why}."""

    hint = "It is not served. Cut it again from trusted artifacts, and see `volano doctor`."


class StrangeReportError(InvalidError):
    """The report `{report}` speaks of {subject}, not of the flow `{flow}` or its model."""

    hint = "Make one with `volano eval run {flow} --data DATASET` and pin that, or leave `{report}` out."


class NoSchemaError(InvalidError):
    """`{ref}` declares no schema of its answers, so that none can be broken."""

    hint = "Leave `schema` out of the margins, or save its prompt with one: `volano prompt save NAME --schema FILE`."


class UnknownChannelError(NotFoundError):
    """There is no channel `{channel}`."""

    hint = "See them with `volano channel list`; `volano release promote` makes the first."


class UnknownUnitError(InvalidError):
    """Nothing sticks to a release by `{unit}`."""

    hint = "Say `user`, `session`, or `request` where answers need not fit together."


class BadCacheError(InvalidError):
    """The cache of `{channel}` cannot be so: {why}."""

    hint = (
        "Say `volano channel cache {channel} --ttl 300 --scope group`, or "
        "`volano channel cache {channel} --off`."
    )


class UnknownRolloutError(NotFoundError):
    """There is no rollout `{rollout}`."""

    hint = "See them with `volano release rollouts`."


class RolloutInProgressError(ConflictError):
    """The channel `{channel}` is already moving to `{candidate}`."""

    hint = "Watch it with `volano release status {channel}`, or stop it with `volano release abort {channel}`."


class NothingMovesError(ConflictError):
    """No rollout is moving the channel `{channel}`."""

    hint = "See what it serves with `volano channel list`."


class RolloutOverError(ConflictError):
    """The rollout {rollout} of `{channel}` is over: {state}."""

    hint = "See how it ended with `volano release rollout {rollout}`."


class RolloutMovedError(ConflictError):
    """The rollout {rollout} of `{channel}` has moved on, or was paused, in this very moment."""

    hint = "See where it is with `volano release status {channel}`, and say it again."


class NotUnderWayError(ConflictError):
    """The rollout of `{channel}` still warms up, so that there is no step to {what}."""

    hint = "Wait until `volano release status {channel}` says `moving`, or stop it with `volano release abort {channel}`."


class NotPausedError(ConflictError):
    """The rollout of `{channel}` is not paused."""

    hint = "See where it is with `volano release status {channel}`."


class ComparesError(ConflictError):
    """The channel `{channel}` compares releases: an experiment takes no steps, and there is nothing to {what}."""

    hint = "End it with `volano release conclude {channel}` or `volano release abort {channel}`."


class NoReasonError(InvalidError):
    """A step of `{channel}` is not skipped without a reason."""

    hint = 'Say why: `volano release skip {channel} --why "…"`.'


class HarmProvenError(GateError):
    """`{release}` does harm on `{channel}`, and no step is skipped: {why}"""

    hint = "It goes back by itself. See `volano release status {channel}`."


class AlreadyServedError(ConflictError):
    """The channel `{channel}` already serves `{ref}`."""


class ForeignModelError(InvalidError):
    """The model `{ref}` has no weights and no address, so that nothing can serve it."""


class BadChannelNameError(InvalidError):
    """`{name}` cannot be the name of a channel."""

    hint = (
        "A name is letters and digits of any language, with `.`, `_`, `-` and single `/` between them, "
        "at most 100 characters: `support`, `support/staging`."
    )


class OpenWithWhatError(InvalidError):
    """The channel `{name}` opens to one thing: a registered model, or entries at targets."""

    hint = "Say `volano channel open NAME --model MODEL`, or `volano channel open NAME --at TARGET:MODEL` with --strategy and --weights."


class OpenedOtherwiseError(ConflictError):
    """The channel `{name}` is open already, and serves `{serves}`."""

    hint = "`{release}` is cut and signed. Move the channel to it: `volano release promote {release} --channel {name}`."


class FrozenError(GateError):
    """The channel `{channel}` is frozen: {why} ({by})."""

    hint = "Wait, or lift it with `volano release thaw {id}`. Going back is allowed: `volano release rollback {channel}`."


class BadFreezeError(InvalidError):
    """There can be no such freeze: {why}."""

    hint = "Say `volano release freeze 'support*' --until 2026-12-27T08:00 --why \"holidays\"`."


class UnknownFreezeError(NotFoundError):
    """There is no freeze `{id}`."""

    hint = "See them with `volano release freezes`."


class NotProvenError(GateError):
    """The channel `{channel}` is not proven: {verdict}. {why}"""

    hint = "See what each gate says with `volano release status {channel}`."


class NoPairsError(NotFoundError):
    """No call of `{channel}` was ever copied to a candidate."""

    hint = "Begin with a shadow: `volano release promote RELEASE --channel {channel} --plan 'shadow 5% 300 pairs, 10%, 100%'`."


class NowhereToGoError(ConflictError):
    """The channel `{channel}` never served anything before `{serves}`."""

    hint = "Move it to another release: `volano release promote RELEASE --channel {channel}`."


class NeverServedError(InvalidError):
    """`{ref}` never served the channel `{channel}`, so that there is no way back to it."""

    hint = "Move to it with gates: `volano release promote {ref} --channel {channel}`."


class ApprovalMissingError(GateError):
    """`{ref}` may not go to `{channel}` yet: {given} of {needed} people have agreed{who}."""

    hint = (
        "Others agree with `volano release approve {ref} --channel {channel}`; in an emergency: "
        "`--emergency REASON`, to be looked at afterwards."
    )


class OwnEmergencyError(ForbiddenError):
    """{principal} declared the emergency of `{ref}` on {channel}, and does not count for its review."""

    hint = "Ask somebody else: `volano release approve {ref} --channel {channel}`."


class OwnReleaseError(ForbiddenError):
    """{principal} cut `{ref}`, and does not count for it."""

    hint = "Ask somebody else: `volano release approve {ref} --channel CHANNEL`."


class NoApproverError(ForbiddenError):
    """{principal} is none of those who may approve for `{channel}`: {approvers}."""

    hint = "Ask one of them, or see the rule with `volano channel rules`."


class NoRuleError(ConflictError):
    """The channel `{channel}` asks nobody before it moves."""

    hint = "Let it ask: `volano channel approvals {channel} --needed 2`."


class BadRuleError(InvalidError):
    """There can be no such rule for `{channel}`: {why}."""

    hint = (
        "Say `volano channel approvals {channel} --needed 2 --approvers person:anna,person:boris`."
    )


class NothingKeptError(ConflictError):
    """The channel `{channel}` keeps nothing hot."""

    hint = "See `volano channel show {channel}`; a plan that ends with `keep 24h` does."


class InvalidPlanError(InvalidError):
    """The rollout plan cannot be used: {why}."""

    hint = "Write rising percentages that end with 100%, such as `5%,25%,100%`."


class UnknownPlanJudgeError(InvalidError):
    """The plan lets `{judge}` score pairs, and there is no such judge{guess}."""

    hint = (
        "Judges: {known}; `volano judge save FILE` makes one. Where a program scores, say first what it means: "
        "`volano feedback metric define {name} --type number --low 0 --high 1`."
    )


class BadPlanFileError(InvalidError):
    """The plan in `{file}` cannot be used: {why}."""

    hint = "It is YAML: `steps: [5%, 25%, 100%]`, and what else a rollout says: gates, guard, scope, unit, max_wait."


class BadCheckError(InvalidError):
    """There can be no such check: {why}."""

    hint = (
        "Say `volano release check RELEASE --channel CHANNEL`, or with --against another release."
    )


class UncheckedError(GateError):
    """`{ref}` may not go to `{channel}`: {why}."""

    hint = (
        "Check it with `volano release check {ref} --channel {channel}`; in an emergency: "
        "`--emergency REASON`."
    )


class BadDeprecationError(InvalidError):
    """`{name}` cannot be deprecated so: {why}."""

    hint = (
        "Say the day after which it may be gone: `--on 2027-03-01`, or `--on never`; "
        "and what follows: `--successor NAME`."
    )


class NotDeprecatedError(ConflictError):
    """`{name}` is not deprecated."""

    hint = "See what is with `volano release deprecations`."


class RetiredReleaseError(ConflictError):
    """`{ref}` is retired since {since}{why}: it never serves again."""

    hint = "Promote another release; see them with `volano release list`."


class ReleaseUsedError(ConflictError):
    """`{ref}` cannot be retired: {users}."""

    hint = "Move what uses it to another release first; see it with `volano channel list` and `volano release deprecations`."


class ChannelUsedError(ConflictError):
    """The channel `{channel}` cannot be closed: {users}."""

    hint = (
        "Tell its callers with `volano channel deprecate {channel} --on DAY`, and look again: "
        "`volano channel callers {channel}`. `--quiet 0s` closes it although it was called."
    )


class BadOrderError(InvalidError):
    """The environments of `{channel}` cannot be so: {why}."""

    hint = (
        "Name them in the order in which a release goes through: "
        "`volano channel environments {channel} --order {channel}/staging,{channel}`."
    )


class NotArrivedError(GateError):
    """`{ref}` may not go to `{channel}` yet: {why}."""

    hint = "Next: `{next}`. In an emergency: `--emergency REASON`, which is recorded."


class NoCardError(NotFoundError):
    """`{ref}` has no card: it was cut before releases had one."""

    hint = "See what it is with `volano release show {ref}`; one that is cut now has a card."
