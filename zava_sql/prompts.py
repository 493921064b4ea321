"""Prompts for common analyses; more can be functions of the database, see `annotations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import mcp_types as types

__all__ = ["PROMPTS", "Prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that is often asked; `{table}` and the like are its arguments."""

    title: str
    description: str
    text: str
    arguments: tuple[types.PromptArgument, ...] = ()


# Without blanks: in clients that take arguments behind a command, such as Claude Code, a blank
# separates arguments.
_PERIOD = types.PromptArgument(
    name="period", description="Such as 2025, 2025-05, 2025-Q2 or last-month.", required=True
)
PROMPTS: Final = {
    "explore_table": Prompt(
        "Explore a table",
        "What a table holds, how it is filled and what it can answer.",
        "Explore the table {table} with the tools of this server. Its description is attached.\n"
        "1. Tell what a row stands for and how the table joins to others.\n"
        "2. Query how many rows there are, which time they span, and how the columns with few "
        "values are distributed.\n"
        "3. Name five questions that it can answer, with the SELECT for each.",
        (types.PromptArgument(name="table", description="Such as orders.", required=True),),
    ),
    "sales_review": Prompt(
        "Review sales",
        "Revenue, orders and margin of a period against the one before it.",
        "Review the sales of {period}.\n"
        "1. Find out with describe_schema which tables and functions there are.\n"
        "2. Compare revenue, number of orders, average order and gross margin with the period "
        "of the same length before it, and with the same period a year earlier.\n"
        "3. Show the five product categories that gained most and the five that lost most.\n"
        "4. Returns are orders with status return and negative amounts: report them apart.\n"
        "Give a table for each step and three sentences that sum it up.",
        (_PERIOD,),
    ),
    "stock_check": Prompt(
        "Check stock",
        "What is about to run out and what lies on the shelf.",
        "Check the stock that you see.\n"
        "1. List products at or below their reorder level, with the days that the stock lasts at "
        "the pace of the last 90 days, the most urgent first.\n"
        "2. List products with stock that sold nothing in the last 180 days, by the money bound "
        "in them.\n"
        "3. Propose what to order now, considering lead times.",
    ),
    "customer_review": Prompt(
        "Review customers",
        "Who buys, who comes back and who has stopped.",
        "Review the customers of {period}.\n"
        "1. Count new and returning customers and the revenue of each by month.\n"
        "2. Rank loyalty tiers by revenue per customer.\n"
        "3. Find how many of the best tenth have bought nothing in the last 90 days.\n"
        "Do not print names or e-mail addresses: counts and sums are enough.",
        (_PERIOD,),
    ),
}
