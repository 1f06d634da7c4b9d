"""Stores, records and what is answered about them."""

from __future__ import annotations

import asyncio
import ctypes
import enum
import json
import os
import threading
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from ctypes import byref, c_void_p
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, Union

from ._errors import TimeLimit
from ._library import Field, Marks, call, library, take_text

Value = Union[str, int, float]


class Stage(enum.IntEnum):
    """How far a record has come."""

    JOURNALED = 0
    APPLIED = 1
    COMMITTED = 2
    PUBLISHED = 3
    PUSHED = 4

    @classmethod
    def of(cls, stage: Stage | str) -> Stage:
        if isinstance(stage, cls):
            return stage
        try:
            return cls[stage.upper()]
        except (KeyError, AttributeError):
            names = ", ".join(each.name.lower() for each in cls)
            raise ValueError(f"there is no stage {stage!r}: {names}") from None


@dataclass(frozen=True)
class Receipt:
    """What a store says of a record."""

    seq: int
    id: int
    kind: str
    table: str
    path: str
    time: datetime
    stage: Stage
    key: str | None = None
    duplicate: bool = False
    set_aside: str | None = None  # why it could not be applied
    fields: dict[str, Value] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Watermarks:
    """The last record that has reached each stage."""

    journaled: int
    applied: int
    committed: int
    published: int
    pushed: int


def _timeout_ms(timeout: float | None) -> int:
    """Seconds, or None for as long as it takes."""
    return -1 if timeout is None else max(0, round(timeout * 1000))


def _text(value: str) -> bytes:
    if "\0" in value:
        raise ValueError("a text with a NUL in it cannot be recorded")
    return value.encode()


def _fields_of(values: dict[str, Value]) -> ctypes.Array[Field]:
    fields = (Field * max(1, len(values)))()
    for at, (name, value) in enumerate(values.items()):
        fields[at].name = _text(name)
        if isinstance(value, str):
            fields[at].type, fields[at].text = 0, _text(value)
        elif isinstance(value, bool):
            raise TypeError(f"field {name!r} is a bool: give an int or a text")
        elif isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise ValueError(f"field {name!r} does not fit into 64 bits")
            fields[at].type, fields[at].integer = 1, value
        elif isinstance(value, float):
            fields[at].type, fields[at].real = 2, value
        else:
            raise TypeError(f"field {name!r} is {type(value).__name__}: give str, int or float")
    return fields


def _receipt_of(pointer: c_void_p, *, whole: bool = False) -> Receipt:
    """Takes the receipt apart and frees it."""
    try:
        fields = None
        if whole:
            text = c_void_p()
            call("receipt_json", pointer, byref(text))
            fields = json.loads(take_text(text))["fields"]

        def text_of(name: str) -> str:
            return getattr(library, f"syncline_receipt_{name}")(pointer).decode(errors="replace")

        time_ms = library.syncline_receipt_time_ms(pointer)
        return Receipt(
            seq=library.syncline_receipt_seq(pointer),
            id=library.syncline_receipt_id(pointer),
            kind=text_of("kind"),
            table=text_of("table"),
            path=text_of("path"),
            time=datetime.fromtimestamp(time_ms / 1000, timezone.utc),
            stage=Stage(library.syncline_receipt_stage(pointer)),
            key=text_of("key") or None,
            duplicate=bool(library.syncline_receipt_is_duplicate(pointer)),
            set_aside=text_of("set_aside") or None,
            fields=fields,
        )
    finally:
        library.syncline_receipt_free(pointer)


class Ticket:
    """A record that was handed over. It goes its way whether it is waited for or not.

    `ticket.wait()` returns its receipt; so does `await ticket`, which blocks no event loop.
    """

    def __init__(self, store: Store, pointer: c_void_p) -> None:
        self._store, self._pointer = store, pointer

    def __del__(self) -> None:
        library.syncline_ticket_free(self._pointer)

    def wait(self, stage: Stage | str = Stage.APPLIED, timeout: float | None = None) -> Receipt:
        receipt = c_void_p()
        with self._store._use() as store:
            call("wait", store, self._pointer, Stage.of(stage), _timeout_ms(timeout), byref(receipt))
        return _receipt_of(receipt)

    async def reaches(self, stage: Stage | str, timeout: float | None = None) -> Receipt:
        return await asyncio.to_thread(self.wait, stage, timeout)

    def __await__(self) -> Generator[Any, None, Receipt]:
        return self.reaches(Stage.APPLIED).__await__()


class Records(Iterator[Receipt]):
    """Records in their order, with their fields: an iterator, and with `follow` an endless one.

    `stop()` ends it from any thread.
    """

    def __init__(self, store: Store, pointer: c_void_p) -> None:
        self._store, self._pointer = store, pointer

    def __del__(self) -> None:
        library.syncline_cursor_free(self._pointer)

    def __next__(self) -> Receipt:
        receipt = self.next()
        if receipt is None:
            raise StopIteration
        return receipt

    def next(self, timeout: float | None = None) -> Receipt | None:
        """None at the end. TimeLimit where no record came in time: ask again."""
        receipt = c_void_p()
        with self._store._use():
            call("cursor_next", self._pointer, _timeout_ms(timeout), byref(receipt))
        return _receipt_of(receipt, whole=True) if receipt else None

    def stop(self) -> None:
        library.syncline_cursor_stop(self._pointer)


class Store:
    """A store that is open. With `background`, its own threads write, apply and commit."""

    def __init__(self, root: str | os.PathLike[str], *, background: bool = True,
                 read_only: bool = False) -> None:
        self._pointer: c_void_p | None = None
        self._calls = 0  # that are running
        self._guard = threading.Condition()
        self._cursors: weakref.WeakSet[Records] = weakref.WeakSet()
        pointer = c_void_p()
        call("open", os.fsencode(root), (1 if background else 0) | (2 if read_only else 0),
             byref(pointer))
        self._pointer = pointer

    @contextmanager
    def _use(self) -> Iterator[c_void_p]:
        """The open store, for one call; close() waits for that."""
        with self._guard:
            if self._pointer is None:
                raise ValueError("the store is closed")
            pointer = self._pointer
            self._calls += 1
        try:
            yield pointer
        finally:
            with self._guard:
                self._calls -= 1
                self._guard.notify_all()

    def close(self, timeout: float | None = None) -> None:
        """What was handed over is journalled; it is applied and committed as far as time allows.

        Calls that are running end first, and those that follow the records end at once. TimeLimit
        where something is left, which the next to open the store does.
        """
        with self._guard:
            if self._pointer is None:
                raise ValueError("the store is closed")
            pointer, self._pointer = self._pointer, None
            for cursor in self._cursors:
                cursor.stop()
            self._guard.wait_for(lambda: self._calls == 0)
        call("close", pointer, _timeout_ms(timeout))

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._pointer is not None:
            self.close()

    def __del__(self) -> None:
        if getattr(self, "_pointer", None) is not None:
            self.close()

    def record(self, kind: str, /, *, key: str | None = None, wait: Stage | str = Stage.APPLIED,
               timeout: float | None = None, fields: dict[str, Value] | None = None,
               **more: Value) -> Receipt:
        """Records, and returns once the stage is reached.

        Fields are given by name; those whose name is one of the options here, by `fields`. A record
        that could not be applied is no error: its receipt says why in `set_aside`.
        """
        values = {**(fields or {}), **more}
        receipt = c_void_p()
        with self._use() as store:
            call("record", store, _text(kind), _fields_of(values), len(values),
                 None if key is None else _text(key), Stage.of(wait), _timeout_ms(timeout),
                 byref(receipt))
        return _receipt_of(receipt)

    def submit(self, kind: str, /, *, key: str | None = None, timeout: float | None = None,
               fields: dict[str, Value] | None = None, **more: Value) -> Ticket:
        """Hands a record over; blocks only while the queue or the backlog is full."""
        values = {**(fields or {}), **more}
        ticket = c_void_p()
        with self._use() as store:
            call("submit", store, _text(kind), _fields_of(values), len(values),
                 None if key is None else _text(key), _timeout_ms(timeout), byref(ticket))
        return Ticket(self, ticket)

    def retract(self, seq: int, *, wait: Stage | str = Stage.APPLIED,
                timeout: float | None = None) -> Receipt:
        """Takes a record's row and file away, by a record of its own, whose receipt it returns."""
        receipt = c_void_p()
        with self._use() as store:
            call("retract", store, seq, Stage.of(wait), _timeout_ms(timeout), byref(receipt))
        return _receipt_of(receipt)

    def show(self, seq: int | None = None, *, key: str | None = None) -> Receipt:
        """One record with its fields, by its sequence or its key."""
        if (seq is None) == (key is None):
            raise TypeError("give a sequence or a key")
        receipt = c_void_p()
        with self._use() as store:
            if key is not None:
                call("show_key", store, _text(key), byref(receipt))
            else:
                call("show", store, seq, byref(receipt))
        return _receipt_of(receipt, whole=True)

    def records(self, start: int = 1, *, kind: str | None = None, follow: bool = False) -> Records:
        """The records from sequence `start` on."""
        cursor = c_void_p()
        with self._use() as store:
            call("records", store, start, None if kind is None else _text(kind), int(follow),
                 byref(cursor))
            records = Records(self, cursor)
            self._cursors.add(records)
        return records

    def __iter__(self) -> Records:
        return self.records()

    def watermarks(self) -> Watermarks:
        marks = Marks()
        with self._use() as store:
            library.syncline_watermarks(store, byref(marks))
        return Watermarks(*(getattr(marks, name) for name, _ in Marks._fields_))

    def status(self) -> dict[str, Any]:
        """As `syncline status --json`."""
        return self._answer("status")

    def verify(self) -> dict[str, Any]:
        """As `syncline verify --json`."""
        return self._answer("verify")

    def sync(self, *, push: bool = False, timeout: float | None = 10) -> dict[str, Any]:
        """As `syncline sync --json`: commits and publishes everything recorded so far."""
        return self._answer("sync", int(push), _timeout_ms(timeout))

    def _answer(self, name: str, *arguments: object) -> dict[str, Any]:
        text = c_void_p()
        with self._use() as store:
            call(name, store, *arguments, byref(text))
        return json.loads(take_text(text))


def init(directory: str | os.PathLike[str], profile: str | None = None) -> None:
    """Makes a store in a directory, which may be there: a repository, or empty."""
    call("init", os.fsencode(directory), None if profile is None else _text(profile))


__all__ = ["Receipt", "Records", "Stage", "Store", "Ticket", "TimeLimit", "Value", "Watermarks",
           "init"]
