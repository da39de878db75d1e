"""A Channel is the name that clients call; it is the only thing that routes traffic."""

from dataclasses import dataclass

from volano.core.ref import BadRefError, check_name
from volano.releases.errors import BadChannelNameError
from volano.releases.kept import Kept
from volano.releases.rival import Rival
from volano.releases.scope import EVERYONE, Scope

MILLION = 1_000_000
UNITS = ("user", "session", "request")
"""What sticks to one release: all calls of a user, of a session, or nothing beyond one call."""
SCOPES = ("group", "channel", "release")
"""Who may get an answer that another got: its group, all callers of the channel, or of the release."""
MAX_TTL_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Channel:
    """What a channel serves now. `share` is the candidate's part, in millionths.

    In an experiment `rivals` are all arms but the stable one, the candidate the first of them,
    and `share` what they have together; calls that a rule of `exclude` names stay with stable.

    `mirror` is the share of calls that are copied to the candidate unseen (`mirror_currency`
    that of the budget of the copies, where they have one), `cohort` the share of
    users whose calls with the stable release are counted apart, as a baseline; both millionths.
    A call outside `scope` stays with stable and is no evidence. While it is `rolling`, engines of
    the candidate take the places of those of the stable release, as many as its share says.

    `kept` is what it served before, where that is kept hot for a return at once.

    Answers are cached for `cache_ttl_s` seconds, in the scope of `SCOPES`; None: not at all.
    """

    name: str
    stable: str
    stable_ref: str
    unit: str
    updated_us: int
    group: str = ""
    candidate: str | None = None
    candidate_ref: str | None = None
    share: int = 0
    rollout_id: str | None = None
    salt: str = ""
    cache_ttl_s: int | None = None
    cache_scope: str | None = None
    cache_set_us: int | None = None
    rivals: tuple[Rival, ...] = ()
    exclude: tuple[str, ...] = ()
    mirror: int = 0
    mirror_currency: str = ""
    cohort: int = 0
    scope: Scope = EVERYONE
    rolling: bool = False
    kept: Kept | None = None

    @property
    def served(self) -> tuple[str, ...]:
        """The digests of all releases that it serves or keeps hot, each once."""
        rivals = [one.release_digest for one in self.rivals]
        kept = self.kept.release_digest if self.kept else None
        found = (self.stable, self.candidate, *rivals, kept)
        return tuple(dict.fromkeys(digest for digest in found if digest))

    @property
    def share_millionths(self) -> int:
        """The candidate's share of new units, in millionths."""
        return self.share


@dataclass(frozen=True)
class Arm:
    """One release that a channel serves, with its share of the units in millionths.

    The role is `stable`, `candidate`, or

    - `baseline`: the cohort of stable that is counted beside a candidate; its share is a part
      of stable's, so that what stable has tells what the candidate has,
    - `shadow`: gets copies of calls (`share` of them), and its answers go to nobody,
    - `out`: the place of an arm that was taken out of an experiment. Its units get the stable
      release and count no more.
    """

    release: str
    release_digest: str
    share: int
    role: str
    rollout_id: str | None = None
    currency: str = ""
    """Of a shadow: that of the budget of its copies."""


def arms(channel: Channel) -> list[Arm]:
    """Return the channel's arms: the stable release, then those beside it."""
    taken = sum(one.share for one in channel.rivals) if channel.rivals else channel.share
    rest = MILLION - taken
    stable = Arm(channel.stable_ref, channel.stable, rest, "stable", channel.rollout_id)
    if channel.rivals:
        return [stable, *(_of_rival(channel, one) for one in channel.rivals)]
    if channel.candidate is None or channel.candidate_ref is None:
        return [stable]
    role, share = ("shadow", channel.mirror) if channel.mirror else ("candidate", channel.share)
    candidate = Arm(
        channel.candidate_ref, channel.candidate, share, role, channel.rollout_id,
        channel.mirror_currency,
    )  # fmt: skip
    if not channel.cohort:
        return [stable, candidate]
    baseline = Arm(
        channel.stable_ref, channel.stable, channel.cohort, "baseline", channel.rollout_id
    )
    return [stable, candidate, baseline]


def _of_rival(channel: Channel, one: Rival) -> Arm:
    """Return a rival's arm. One that is out keeps its place, so that nobody else moves."""
    if one.out:
        return Arm(channel.stable_ref, channel.stable, one.share, "out", channel.rollout_id)
    return Arm(one.release, one.release_digest, one.share, "candidate", channel.rollout_id)


def check_channel_name(name: str) -> str:
    """Return the name of a channel in NFC.

    Raises:
        BadChannelNameError: no channel can have it.
    """
    try:
        return check_name(name)
    except BadRefError as error:
        raise BadChannelNameError(name=name[:120]) from error
