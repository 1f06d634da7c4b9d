"""How much each row does: whole, quick (under three minutes), or just to see that it runs."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    runs: int
    seconds: float  # of one measurement of appends, after the warm-up
    warm: float
    levels: tuple[int, ...]  # threads
    clients: int  # processes at once
    empty_calls: int
    calls: int
    records: int  # of rows and files
    steps: int  # of a thousand rows, timed one by one
    folds: tuple[int, ...]  # files that the store's tree holds before
    fold_records: int
    packages: int
    old_calls: int  # one after another
    scan_megabytes: int
    axis: tuple[int, ...]  # processes at once, old way against new
    rounds: int
    growth: tuple[int, ...]  # records in the store
    gcc: bool


FULL = Sizes(runs=5, seconds=1.0, warm=0.2, levels=(1, 4, 16, 64, 256), clients=50,
             empty_calls=1000, calls=500, records=20_000, steps=100, folds=(10_000, 100_000),
             fold_records=10_000, packages=100_000, old_calls=100, scan_megabytes=512,
             axis=(5, 10, 15, 20, 30, 50), rounds=3,
             growth=(10_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000,
                     800_000, 900_000, 1_000_000), gcc=True)
QUICK = Sizes(runs=3, seconds=0.15, warm=0.05, levels=(1, 4, 16, 64, 256), clients=50,
              empty_calls=200, calls=100, records=4_000, steps=20, folds=(10_000,),
              fold_records=2_000, packages=4_000, old_calls=20, scan_megabytes=64,
              axis=(5, 20, 50), rounds=1,
              growth=(2_000, 10_000), gcc=False)
SMOKE = Sizes(runs=1, seconds=0.1, warm=0.01, levels=(1, 4), clients=4, empty_calls=8, calls=8,
              records=200, steps=2, folds=(400,), fold_records=200, packages=200, old_calls=3,
              scan_megabytes=4, axis=(2, 3), rounds=1, growth=(200, 400), gcc=False)
