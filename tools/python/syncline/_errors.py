"""What a call may answer instead of a result."""

from __future__ import annotations


class SynclineError(Exception):
    """A call failed.

    code: the name of the failure, such as "key-conflict"
    exit_code: what the command would have ended with
    hint: what to try
    seq: the record that is durable all the same, or None
    """

    def __init__(self, code: str, exit_code: int, message: str, hint: str, seq: int | None) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.code = code
        self.exit_code = exit_code
        self.message = message
        self.hint = hint
        self.seq = seq


class Invalid(SynclineError, ValueError):
    """A field, an argument or the configuration is not acceptable; nothing was written."""


class KeyConflict(SynclineError):
    """The key is taken by a record with other content; nothing was written."""


class NotFound(SynclineError, LookupError):
    """There is no such record."""


class NotThere(SynclineError):
    """There is no store at that place."""


class TimeLimit(SynclineError, TimeoutError):
    """The time limit passed. With `seq` the record is durable, and goes on; without, nothing was
    written."""


class Disagreement(SynclineError):
    """The store is damaged, or is not the one that it says it is."""


class UnsafePath(SynclineError):
    """A link, or a file of somebody else's, is in the way."""


class OutcomeUnknown(SynclineError):
    """The record may be durable or not: retry with the same key."""


class RetryLater(SynclineError):
    """Nothing was written; the same call may succeed later."""


CLASS_OF = {
    "invalid": Invalid,
    "key-conflict": KeyConflict,
    "not-found": NotFound,
    "no-store": NotThere,
    "timeout": TimeLimit,
    "busy": RetryLater,
    "retry-later": RetryLater,
    "read-only": RetryLater,
    "corrupt": Disagreement,
    "disagree": Disagreement,
    "unsafe-path": UnsafePath,
    "outcome-unknown": OutcomeUnknown,
}
