"""What can be wrong with a schedule."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError


class BadCronError(InvalidError):
    """`{cron}` says no times: {why}."""

    hint = "Five fields: minute, hour, day, month, weekday. `0 3 * * *` is every night at three."


class BadTimeZoneError(InvalidError):
    """There is no time zone `{zone}`."""

    hint = "Use a name of the IANA list, such as Europe/Budapest, or UTC."


class BadMomentError(InvalidError):
    """`{text}` is no date and no moment."""

    hint = "Write 2026-03-01 or 2026-03-01T06:00."


class BadScheduleError(InvalidError):
    """A schedule cannot have {what}: {why}."""

    hint = "See what one can have with `volano schedule add --help`."


class ScheduleTakenError(ConflictError):
    """There already is a schedule `{name}`."""

    hint = "Look at it with `volano schedule show {name}`; change it with `--replace`."


class UnknownScheduleError(NotFoundError):
    """There is no schedule `{name}`."""

    hint = "See the schedules with `volano schedule list`."


class NotTimedError(InvalidError):
    """The schedule `{name}` has no times to fill in: it waits for {on}."""

    hint = "Start it once with `volano schedule run-now {name}`."


class TooManyFiringsError(InvalidError):
    """From {since} to {until} `{name}` has more than {limit} times."""

    hint = "Fill in a shorter span, one after the other."


class UnreadableFilesError(InvalidError):
    """`{glob}` cannot be watched: {why}."""

    hint = "Give a pattern of files on this machine, such as /data/in/*.jsonl."
