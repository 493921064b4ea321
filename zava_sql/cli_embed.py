"""The command that embeds products for search by meaning."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from zava_sql import embedded
from zava_sql.cli_options import Json  # noqa: TC001 - typer reads it at run time
from zava_sql.cli_progress import progress_bar
from zava_sql.embedding import find_embedder
from zava_sql.embedding_fill import fill, outlook
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.render import visible
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from zava_sql.embedding import Embedder
    from zava_sql.embedding_fill import FillReport

__all__ = ["embed", "embed_if_possible"]

_COMMAND: Final = "zava-sql embed"
# Of the ten nearest: less is poor (zava.check_search_recall()).
_ENOUGH: Final = 0.99
# Products that are named to people; programs are told all.
_NAMED: Final = 20


def embed(
    *,
    model: Annotated[
        str | None, typer.Option(help="Model of the service, instead of ZAVA_EMBEDDING_MODEL.")
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Make search use this model once all is embedded.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is to do.")] = False,
    workers: Annotated[int, typer.Option(help="Batches at the same time.", min=1, max=64)] = 2,
    json_: Json = False,
) -> None:
    """Embed new and changed products for search by meaning. Exit code 1 if some are refused.

    Products whose text the service refuses are named, and tried again by the next run. A model that
    lacks such a product goes live only with --activate.
    """
    settings = Settings.load()
    if model is not None:
        settings = settings.model_copy(update={"embedding_model": model})
    embedder = find_embedder(settings)
    resolved = embedded.resolve(settings)
    again = _COMMAND if model is None else f"{_COMMAND} --model {shlex.quote(visible(model))}"
    if dry_run:
        report = asyncio.run(outlook(resolved.admin_url, embedder.name))
        _show(report, 0.0, again, as_json=json_)
        return
    started = time.monotonic()
    report = asyncio.run(_fill(resolved, embedder, workers=workers, activate=activate))
    _show(report, time.monotonic() - started, again, as_json=json_)
    if report.refused:
        raise typer.Exit(1)


async def embed_if_possible(settings: Settings) -> None:
    """Embed after new products came; say why not where that cannot be, and fail for nothing."""
    try:
        report = await _fill(settings, find_embedder(settings))
    except (ConfigurationError, ServiceUnavailable) as error:
        print(f"search goes by words only: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint.removesuffix('.')}; then: {_COMMAND}", file=sys.stderr)
    else:
        if report.embedded or report.refused:
            _show(report, None, _COMMAND, as_json=False)


async def _fill(
    settings: Settings, embedder: Embedder, *, workers: int = 2, activate: bool = False
) -> FillReport:
    try:
        with progress_bar("embedding", counted=True) as update:
            return await fill(
                settings.admin_url,
                embedder,
                workers=workers,
                activate=activate,
                progress=lambda step, done, total: update(
                    description=step, completed=done, total=total
                ),
            )
    finally:
        await embedder.aclose()


def _show(report: FillReport, seconds: float | None, again: str, *, as_json: bool) -> None:
    """Say how a model stands; `again` is the command for the same model."""
    if as_json:
        fields = (
            "model",
            "dimensions",
            "products",
            "missing",
            "changed",
            "embedded",
            "live",
            "recall",
        )
        answer = {name: getattr(report, name) for name in fields}
        answer["refused"] = [{"product_id": str(key), "sku": sku} for key, sku in report.refused]
        print(json.dumps(answer | {"seconds": None if seconds is None else round(seconds, 3)}))
        return
    counts = f"{report.missing:,} new, {report.changed:,} changed of {report.products:,} products"
    print(f"model {report.model}: {counts}", end="")
    print(f", {report.embedded:,} embedded" if report.dimensions else "")
    for key, sku in report.refused[:_NAMED]:
        print(f"refused: {visible(sku)} ({key})", file=sys.stderr)
    if report.refused:
        more = len(report.refused) - _NAMED
        print(
            (f"and {more:,} more; all with --json\n" if more > 0 else "")
            + "hint: The service does not take these texts: change what they say, or make them"
            f" shorter by ZAVA_EMBEDDING_TOKENS. Then: {again}",
            file=sys.stderr,
        )
    if report.recall is not None and report.recall < _ENOUGH:
        print(
            f"warning: its index finds {report.recall:.1%} of what is nearest;"
            " build it anew with a larger m",
            file=sys.stderr,
        )
    if report.live is None:
        without = f"; to use this one all the same: {again} --activate"
        print(f"no model is live: search goes by words{without if report.refused else ''}")
    elif report.live != report.model:
        print(f"search uses {report.live}; change it with: {again} --activate")
