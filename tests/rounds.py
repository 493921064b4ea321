"""Times of the variants that a benchmark compares."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Rounds"]


class Rounds:
    """Times of named variants, taken in turn."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def show(self, title: str, *floors: str) -> None:
        """Print medians, and their multiples of the floors'."""
        table = Table("variant", "n", "p50 µs", *(f"x {floor}" for floor in floors), title=title)
        for name, times in self.times.items():
            ratios = (f"{self.ratio(name, floor):.2f}" for floor in floors)
            table.add_row(name, str(len(times)), f"{self.median(name) * 1e6:.0f}", *ratios)
        Console().print(table)

    def median(self, name: str) -> float:
        return statistics.median(self.times[name])

    def ratio(self, name: str, floor: str) -> float:
        """Divide the medians of two variants."""
        return self.median(name) / self.median(floor)

    def call(self, name: str, work: Callable[[], object], count: int) -> None:
        """Run one variant `count` times."""
        times = self.times.setdefault(name, [])
        for _ in range(count):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)

    async def wait(self, name: str, work: Callable[[], Awaitable[object]], count: int) -> None:
        """Run one variant `count` times."""
        times = self.times.setdefault(name, [])
        for _ in range(count):
            start = time.perf_counter()
            await work()
            times.append(time.perf_counter() - start)
