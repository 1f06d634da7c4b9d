"""A program in Python: records, waits, awaits, reads back, and is told what it did wrong."""

import asyncio
import json
import os
import sqlite3
import sys
import threading

import syncline


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"not refused with {kind.__name__}")


def main(root):
    error = refused(syncline.NotThere, lambda: syncline.Store(root))
    assert error.exit_code == 10 and error.hint, error
    syncline.init(root)
    with syncline.Store(root) as store:
        receipt = store.record("note", title="Hello from Python", key="first", wait="committed")
        assert receipt.seq == 1 and receipt.stage >= syncline.Stage.COMMITTED, receipt
        assert not receipt.duplicate and receipt.set_aside is None, receipt
        assert os.path.exists(os.path.join(root, receipt.path))
        again = store.record("note", title="Hello from Python", key="first")
        assert again.duplicate and again.seq == 1, again
        assert store.show(key="first").fields["title"] == "Hello from Python"

        # Python's own SQLite, beside the store's.
        with sqlite3.connect(os.path.join(root, "syncline.db")) as rows:
            assert rows.execute("SELECT title FROM notes").fetchall() == [("Hello from Python",)]
        rows.close()

        refused(syncline.KeyConflict, lambda: store.record("note", title="other", key="first"))
        refused(syncline.Invalid, lambda: store.record("note", no_such_field="x"))
        refused(syncline.NotFound, lambda: store.show(1000))
        refused(TypeError, lambda: store.record("note", title=True))
        refused(ValueError, lambda: store.record("note", title="a", wait="soon"))
        refused(ValueError, lambda: store.record("note", title="a\0b"))

        tickets = [store.submit("note", title=f"note {n}") for n in range(100)]
        assert [ticket.wait().seq for ticket in tickets] == list(range(2, 102))

        async def some():
            return await asyncio.gather(*(store.submit("note", title=f"async {n}")
                                          for n in range(20)))

        assert len({receipt.seq for receipt in asyncio.run(some())}) == 20

        def record_some():
            for n in range(50):
                store.record("note", fields={"title": f"thread {n}"}, wait="journaled")

        threads = [threading.Thread(target=record_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.watermarks().journaled == 321, store.watermarks()
        records = list(store)
        assert [record.seq for record in records] == list(range(1, 322))
        assert records[1].fields == {"title": "note 0"}, records[1]
        assert len(list(store.records(300, kind="note"))) == 22

        # Who follows is ended by the store's end.
        follower = store.records(322, follow=True)
        refused(syncline.TimeLimit, lambda: follower.next(timeout=0.01))
        seen = []
        following = threading.Thread(target=lambda: seen.extend(follower))
        following.start()
        store.record("note", title="followed")
        store.retract(1)
        answer = store.sync()
        assert answer["published"] == 323, answer
        assert store.verify()["ok"]
        assert store.status()["journaled"] == 323
        while len(seen) < 2:
            os.sched_yield()
    following.join()
    assert [record.seq for record in seen] == [322, 323], seen
    refused(ValueError, lambda: store.record("note", title="late"))
    with syncline.Store(root, read_only=True) as store:
        refused(syncline.RetryLater, lambda: store.record("note", title="not taken"))
        assert json.dumps(store.status())
    print(f"Python, {syncline.version()}: {len(seen) + 321} records")


main(sys.argv[1])
