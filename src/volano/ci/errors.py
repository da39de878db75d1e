"""What can be wrong with a repository and its checks."""

from volano.core.errors import GateError, IntegrityError, InvalidError, NotFoundError


class NoGitError(InvalidError):
    """Git cannot be run: {why}."""

    hint = "Install git, and see that it is on the PATH."


class NotARepositoryError(InvalidError):
    """{place} is no Git repository: {why}."""

    hint = "Run it inside one, or name it with --repo; of another's, `git config --global --add safe.directory`."


class NoBaseError(NotFoundError):
    """There is no base to compare with: `{base}`."""

    hint = "Fetch it (`git fetch origin main`), and name it with --base."


class ShallowError(NotFoundError):
    """The clone is shallow: its history does not reach back to `{base}`."""

    hint = "`git fetch --unshallow`; on GitHub `fetch-depth: 0`, on GitLab `GIT_DEPTH: 0`."


class TooLargeFileError(InvalidError):
    """`{path}` is larger than {most} MiB."""


class BadLinkError(InvalidError):
    """`{path}` lies behind a link, and is not written."""


class NoRulesError(NotFoundError):
    """There is no `{path}` in the repository."""

    hint = "It says which checks there are: docs/howto/ci.md shows one."


class BadRulesError(InvalidError):
    """{place}: {why}"""


class BadRowsError(InvalidError):
    """{path}, line {line}: {why}."""

    hint = "Rows are JSON objects, one a line, or CSV with a head."


class NotAllowedError(InvalidError):
    """The check `{check}` would ask {origin}{key}, which the base does not."""

    hint = "If that is meant: --allow '{allow}'. Else it is this change that says so: look at it."


class NoTargetHereError(NotFoundError):
    """The check `{check}` asks `{on}`, and there is no target `{target}` here."""

    hint = "See `volano target list`; add it with `volano target add`, or name the workspace that has it with --home."


class NotInWorkspaceError(NotFoundError):
    """The check `{check}` cannot be asked: {why} in this workspace."""

    hint = "Judges and reports are kept in a workspace: name the one that has it with --home, before `ci`."


class NoKeyError(NotFoundError):
    """The variable {variable}, which holds the key for {origin}, is not set."""

    hint = "Set it (while volano is up: where it was started), or use recorded answers: --replay."


class NotRecordedError(NotFoundError):
    """{missing} of {of} answers of the check `{check}` are not recorded, such as that to row {row}."""

    hint = "Record them where the key is: `volano ci --record`, and commit the files."


class BadRecordingError(IntegrityError):
    """{path}, line {line}: this recorded answer is not as it was written."""

    hint = "Take it back with git, or delete the line and record it again: `volano ci --record`."


class NotRegisteredError(GateError):
    """Nothing is registered: the registry holds what the files do not know ({name}: {why})."""

    hint = "See `volano plan -f FOLDER`."
