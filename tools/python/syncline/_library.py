"""The C interface (syncline.h), loaded with ctypes."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path

from ._errors import CLASS_OF, SynclineError

_NAME = "libsyncline.so.0"  # its number is SYNCLINE_API_VERSION


class Field(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("type", c_int),
        ("text", c_char_p),
        ("integer", c_int64),
        ("real", c_double),
    ]


class Marks(ctypes.Structure):
    _fields_ = [
        (name, c_uint64) for name in ("journaled", "applied", "committed", "published", "pushed")
    ]


def _load() -> ctypes.CDLL:
    """SYNCLINE_LIBRARY names it; else it lies in the package, as in a wheel; else the system has it."""
    named = os.environ.get("SYNCLINE_LIBRARY")
    beside = Path(__file__).with_name(_NAME)
    return ctypes.CDLL(named or (str(beside) if beside.exists() else _NAME))


library = _load()

_ERROR = POINTER(c_void_p)
_RECORD = (c_void_p, c_char_p, POINTER(Field), c_size_t, c_char_p)
_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "version": (c_char_p, ()),
    "free": (None, (c_void_p,)),
    "error_exit_code": (c_int, (c_void_p,)),
    "error_code": (c_char_p, (c_void_p,)),
    "error_message": (c_char_p, (c_void_p,)),
    "error_hint": (c_char_p, (c_void_p,)),
    "error_seq": (c_uint64, (c_void_p,)),
    "error_free": (None, (c_void_p,)),
    "init": (c_int, (c_char_p, c_char_p, _ERROR)),
    "open": (c_int, (c_char_p, c_uint, POINTER(c_void_p), _ERROR)),
    "close": (c_int, (c_void_p, c_int64, _ERROR)),
    "record": (c_int, (*_RECORD, c_int, c_int64, POINTER(c_void_p), _ERROR)),
    "submit": (c_int, (*_RECORD, c_int64, POINTER(c_void_p), _ERROR)),
    "wait": (c_int, (c_void_p, c_void_p, c_int, c_int64, POINTER(c_void_p), _ERROR)),
    "ticket_free": (None, (c_void_p,)),
    "retract": (c_int, (c_void_p, c_uint64, c_int, c_int64, POINTER(c_void_p), _ERROR)),
    "receipt_seq": (c_uint64, (c_void_p,)),
    "receipt_id": (c_int64, (c_void_p,)),
    "receipt_kind": (c_char_p, (c_void_p,)),
    "receipt_key": (c_char_p, (c_void_p,)),
    "receipt_table": (c_char_p, (c_void_p,)),
    "receipt_path": (c_char_p, (c_void_p,)),
    "receipt_time_ms": (c_int64, (c_void_p,)),
    "receipt_stage": (c_int, (c_void_p,)),
    "receipt_is_duplicate": (c_int, (c_void_p,)),
    "receipt_set_aside": (c_char_p, (c_void_p,)),
    "receipt_json": (c_int, (c_void_p, POINTER(c_void_p), _ERROR)),
    "receipt_free": (None, (c_void_p,)),
    "show": (c_int, (c_void_p, c_uint64, POINTER(c_void_p), _ERROR)),
    "show_key": (c_int, (c_void_p, c_char_p, POINTER(c_void_p), _ERROR)),
    "records": (c_int, (c_void_p, c_uint64, c_char_p, c_int, POINTER(c_void_p), _ERROR)),
    "cursor_next": (c_int, (c_void_p, c_int64, POINTER(c_void_p), _ERROR)),
    "cursor_stop": (None, (c_void_p,)),
    "cursor_free": (None, (c_void_p,)),
    "watermarks": (None, (c_void_p, POINTER(Marks))),
    "status": (c_int, (c_void_p, POINTER(c_void_p), _ERROR)),
    "verify": (c_int, (c_void_p, POINTER(c_void_p), _ERROR)),
    "sync": (c_int, (c_void_p, c_int, c_int64, POINTER(c_void_p), _ERROR)),
}
for _name, (_result, _arguments) in _FUNCTIONS.items():
    _function = getattr(library, f"syncline_{_name}")
    _function.restype = _result
    _function.argtypes = _arguments


def _error_of(pointer: c_void_p, exit_code: int) -> BaseException:
    if not pointer:
        return MemoryError("out of memory in syncline")
    code = library.syncline_error_code(pointer).decode()
    seq = library.syncline_error_seq(pointer)
    error = CLASS_OF.get(code, SynclineError)(
        code,
        exit_code,
        library.syncline_error_message(pointer).decode(errors="replace"),
        library.syncline_error_hint(pointer).decode(errors="replace"),
        seq or None,
    )
    library.syncline_error_free(pointer)
    return error


def call(name: str, *arguments: object) -> None:
    """Calls syncline_NAME with these arguments and one for the error, which is raised."""
    error = c_void_p()
    code = getattr(library, f"syncline_{name}")(*arguments, ctypes.byref(error))
    if code != 0:
        raise _error_of(error, code)


def take_text(pointer: c_void_p) -> str:
    """The text that was given out, which is freed."""
    text = ctypes.cast(pointer, c_char_p).value or b""
    library.syncline_free(pointer)
    return text.decode()


def version() -> str:
    """Of the library that is loaded."""
    return library.syncline_version().decode()
