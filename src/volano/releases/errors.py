"""What can go wrong between a release and its channel."""

from volano.core.errors import ConflictError, IntegrityError, InvalidError, NotFoundError


class TamperedReleaseError(IntegrityError):
    """The release `{ref}` is not what was signed: {why}."""

    hint = "It is not served. Cut it again from trusted artifacts, and see `volano doctor`."


class StrangeReportError(InvalidError):
    """The report `{report}` speaks of {subject}, not of the flow `{flow}` or its model."""

    hint = "Make one with `volano eval run {flow} --data DATASET` and pin that, or leave `{report}` out."


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


class AlreadyServedError(ConflictError):
    """The channel `{channel}` already serves `{ref}`."""


class ForeignModelError(InvalidError):
    """The model `{ref}` has no weights and no address, so that nothing can serve it."""


class OpenWithWhatError(InvalidError):
    """The channel `{name}` opens to one thing: a registered model, or entries at targets."""

    hint = "Say `volano channel open NAME --model MODEL`, or `volano channel open NAME --at TARGET:MODEL` with --strategy and --weights."


class OpenedOtherwiseError(ConflictError):
    """The channel `{name}` is open already, and serves `{serves}`."""

    hint = "`{release}` is cut and signed. Move the channel to it: `volano release promote {release} --channel {name}`."
