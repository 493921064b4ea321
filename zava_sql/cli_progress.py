"""Progress: a bar on a terminal, gone at its end, or a line for each step."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress_bar", "show_step"]


@contextmanager
def progress_bar(step: str, *, counted: bool = False) -> Iterator[Callable[..., None]]:
    """Give what changes `description`, `completed` and, other than 1, `total`."""
    counts = [MofNCompleteColumn()] if counted else []
    columns = (TextColumn("{task.description:<28}"), BarColumn(), *counts, TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield partial(progress.update, progress.add_task(step, total=1.0))


def show_step(step: str) -> None:
    """Say on standard error what is being done."""
    Console(stderr=True).print(f"[dim]… {step}[/dim]")
