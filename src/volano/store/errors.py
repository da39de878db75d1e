"""What can go wrong in the store."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class UnknownArtifactError(NotFoundError):
    """There is no {what} `{ref}`."""


class BadPathError(InvalidError):
    """{path} cannot be the path of a file in an artifact."""

    hint = "Use names between single slashes, without `..`, backslashes or control characters."


class UnknownFileError(NotFoundError):
    """`{artifact}` has no file `{path}`."""

    hint = "It has: {known}."


class UnknownEventError(NotFoundError):
    """There is no event `{event}` in the ledger."""

    hint = "See the events with `volano audit log`."


class UnknownParentError(NotFoundError):
    """The parent {digest} ({role}) is not in the catalog."""

    hint = "Record the parent first: lineage may not point into the void."


class AmbiguousRefError(InvalidError):
    """`{ref}` may mean several artifacts: {choices}."""

    hint = "Put the kind before the name, or give more digits of the digest."


class MissingBlobError(NotFoundError):
    """The bytes {digest} are not in the store{why}."""

    hint = "Find it with `volano audit reindex`, or restore `.volano/blobs/` and the catalog from one backup."


class CorruptBlobError(IntegrityError):
    """The stored bytes {digest} are damaged ({why}; pack {pack})."""

    hint = "Restore this pack file from a backup; `volano release verify` checks what a release stands on."


class CorruptManifestError(IntegrityError):
    """The catalog's row of `{artifact}` is not what was recorded: {why}."""

    hint = "Restore the catalog from a backup; `volano audit verify` checks the ledger."


class UnreachedError(IntegrityError):
    """What `{artifact}` is made of cannot be read: {why}."""

    hint = "Nothing was deleted. Restore `.volano/blobs/` from a backup; `volano audit blobs --all` lists what is damaged."


class BusyFolderError(ConflictError):
    """Somebody else is cleaning or indexing {folder}."""

    hint = "Wait until it is done, then say it again."


class BadHoldReasonError(InvalidError):
    """A hold needs a reason of 1 to {most} characters."""


class NoArtifactHoldError(NotFoundError):
    """There is no hold `{id}` on an artifact."""

    hint = "See them with `volano data holds`."


class HeldError(ConflictError):
    """`{ref}` is held: {reason}."""

    hint = "Say `volano data unhold {id}` first, if the reason is gone."


class NeededError(ConflictError):
    """`{ref}` cannot be dropped: {why}."""

    hint = "{advice_}"


class DroppedError(ConflictError):
    """The bytes of `{ref}` were dropped."""

    hint = "Who dropped it says `volano audit log --subject {subject}`. The same rows added again bring it back."


class UnreadableSourceError(InvalidError):
    """The file {path} cannot be read: {why}."""


class SourceChangedError(ConflictError):
    """The file {path} changed while it was read."""

    hint = "Record it again when nothing writes to it."


class DiskFullError(UnavailableError):
    """There is no room to write {where} ({why})."""

    hint = "Free some space, then do it again: nothing half-written was kept."


class StoreBusyError(UnavailableError):
    """The database {where} is held by another writer."""

    hint = "See who with `volano status`, or try again in a moment."


class DatabaseDownError(UnavailableError):
    """The database {where} cannot be reached: {why}."""

    hint = "Check that it runs and that its address in volano.toml is right."


class CorruptDatabaseError(IntegrityError):
    """The database {where} is damaged: {why}."""

    hint = "Restore it from a backup, then run `volano doctor`."


class NewerSchemaError(ConflictError):
    """The database {where} was written by a newer volano (schema {revision})."""

    hint = "Upgrade volano, or open the folder with the version that wrote it."


class EraseRefusedError(ConflictError):
    """The event `{event}` cannot be erased: {why}."""
