"""What one reading of a text found, by token: the tree must find the same."""

from __future__ import annotations

__all__ = ["Account"]


class Account:
    """Token indexes of the names that matter, in the order of the text."""

    __slots__ = ("forms", "functions", "relations", "types")

    def __init__(self) -> None:
        self.functions: list[int] = []  # last word of each call's name, and keywords like coalesce
        self.forms: list[str] = []  # forms that the grammar writes out: extract, exists ...
        self.relations: list[int] = []  # last word of each relation's name
        self.types: list[str] = []  # canonical names of the types of casts and literals
