"""Syncline: records that are durable before you go on, as rows in SQLite, files and git commits.

    import syncline

    with syncline.Store("journal") as store:
        receipt = store.record("note", title="Hello")
        print(receipt.seq, receipt.path)
        for record in store.records():
            print(record.seq, record.fields["title"])

A Store may be used from any threads at once, and its calls let other Python threads run meanwhile. It
is not to be used in a child that was forked since: open another one there.
"""

from ._errors import (
    Disagreement,
    Invalid,
    KeyConflict,
    NotFound,
    NotThere,
    OutcomeUnknown,
    RetryLater,
    SynclineError,
    TimeLimit,
    UnsafePath,
)
from ._library import version
from ._store import Receipt, Records, Stage, Store, Ticket, Watermarks, init

__all__ = [
    "Disagreement",
    "Invalid",
    "KeyConflict",
    "NotFound",
    "NotThere",
    "OutcomeUnknown",
    "Receipt",
    "Records",
    "RetryLater",
    "Stage",
    "Store",
    "SynclineError",
    "Ticket",
    "TimeLimit",
    "UnsafePath",
    "Watermarks",
    "init",
    "version",
]
