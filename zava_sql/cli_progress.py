"""Progress: a bar or a spinner on a terminal, gone at its end, or a line for each step."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from zava_sql.render import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress_bar", "show_step", "spinner"]


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


@contextmanager
def spinner(step: str) -> Iterator[Callable[[str], None]]:
    """Give what says the next step; it may name objects of a database, which rich would obey."""
    with Console(stderr=True).status(step) as status:
        yield lambda step: status.update(Text(visible(step)))


def show_step(step: str) -> None:
    """Say on standard error what is being done."""
    Console(stderr=True).print(f"[dim]… {step}[/dim]")
