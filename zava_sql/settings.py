"""Settings from ZAVA_* variables; secrets never show in a repr, and nothing is read at import."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Settings", "required"]

# For what PostgreSQL counts in milliseconds: a smaller value would mean no limit.
_MILLISECOND = 0.001
_DAY = 86_400
# For rows: PostgreSQL accepts more, but nobody reads them.
_MOST = 1_000_000_000

_URL = r'^https?://[^\s"<>\\]+$'

# A URL that appears in headers, and whose path leads to its metadata (RFC 9728).
_RESOURCE = (
    r"^https?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z][0-9A-Za-z._-]*)(:[0-9]+)?(/[0-9A-Za-z._~/-]*)?$"
)


def _split(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _split_lower(value: object) -> object:
    return _split(value.lower() if isinstance(value, str) else value)


# Separated by spaces or commas; pydantic-settings would expect JSON.
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

# Names that are compared with headers: any other form would silently match nothing.
_HOST = r"(\[[0-9a-f:.]+\]|[0-9a-z][0-9a-z._-]*)"
_Host = Annotated[str, StringConstraints(pattern=rf"^{_HOST}(:([0-9]+|\*))?$")]
_Origin = Annotated[str, StringConstraints(pattern=rf"^[a-z][a-z0-9+.-]*://{_HOST}(:[0-9]+)?$")]
Hosts = Annotated[tuple[_Host, ...], NoDecode, BeforeValidator(_split_lower)]
# Each is one of RFC 6749, and no more than may stand in quotes.
_Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+$")]
Scopes = Annotated[tuple[_Scope, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[_Origin, ...], NoDecode, BeforeValidator(_split_lower)]


class Settings(BaseSettings):
    """Everything that can be set; without a database URL the embedded server is used."""

    model_config = SettingsConfigDict(env_prefix="ZAVA_", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(None, description="PostgreSQL URL of zava_gateway")
    service_url: SecretStr | None = Field(None, description="PostgreSQL URL of zava_service")
    admin_url: SecretStr | None = Field(
        None, description="PostgreSQL URL of the administrator: migrations, principals, seed"
    )
    context_key: SecretStr | None = Field(
        None, description="Key that signs tenant contexts, as printed by `zava-sql key create`"
    )
    home: Annotated[Path, BeforeValidator(lambda value: value or ".zava")] = Field(
        Path(".zava"), description="Directory of the embedded server, and of the audit's journals"
    )

    principal: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="Who asks over stdio, where `--principal` does not say it",
    )

    pool_min: int = Field(2, ge=0, le=1000, description="Connections kept open")
    pool_max: int = Field(10, ge=1, le=1000, description="Connections at most")
    pool_lifetime: float = Field(
        300.0,
        gt=0,
        le=_DAY,
        description="Seconds after which an idle connection beyond ZAVA_POOL_MIN is closed",
    )
    pool_timeout: float = Field(
        5.0, gt=0, le=_DAY, description="Seconds to wait for a free connection"
    )
    connect_timeout: float = Field(
        10.0, gt=0, le=_DAY, description="Seconds to wait for a new connection"
    )
    command_timeout: float = Field(
        30.0, gt=0, le=_DAY, description="Seconds that the client waits for one command"
    )
    statement_timeout: float = Field(
        30.0,
        ge=_MILLISECOND,
        le=3600,
        description="Seconds after which PostgreSQL cancels a statement",
    )
    work_mem: str = Field(
        "4MB", pattern=r"^[0-9]+(kB|MB|GB)$", description="Memory of one sort or hash"
    )
    retry_attempts: int = Field(
        3, ge=1, le=10, description="Times that a read is tried when the database goes away"
    )
    breaker_failures: int = Field(
        5, ge=1, le=1000, description="Lost connections in a row after which calls are refused"
    )
    breaker_seconds: float = Field(
        5.0,
        gt=0,
        le=600,
        description="Longest wait in seconds until a call may test whether the database is back",
    )
    pooler: Literal["transaction"] | None = Field(
        None, description="`transaction`: the URLs lead to PgBouncer, in that mode or by session"
    )
    runner: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Run the text of agents inside a function of its class role; auto: where the"
        " database is not hardened",
    )
    guard_strict: bool = Field(
        default=False,
        description="Have PostgreSQL's own parser read each query as well and agree with the guard;"
        " needs the extra `strict`",
    )
    application_name: str = Field(
        "zava-mcp-server", max_length=63, description="Name shown in pg_stat_activity"
    )
    time_zone: str = Field(
        "America/Los_Angeles",
        pattern=r"^[A-Za-z0-9_+/-]+$",
        description="Time zone of the sessions that run queries",
    )
    max_rows: int = Field(
        200, ge=1, le=_MOST, description="Rows of one answer where the caller names none"
    )
    max_rows_limit: int = Field(10_000, ge=1, le=_MOST, description="Rows of one answer at most")
    max_bytes: int = Field(
        256_000, ge=1_000, le=1_000_000, description="Bytes of the rows of one answer at most"
    )
    max_cell: int = Field(10_000, ge=10, description="Characters of one value at most")
    max_cost: float | None = Field(
        None, gt=0, description="Planner's estimate above which a query is not run; off unless set"
    )
    max_concurrent: int = Field(
        4, ge=1, le=1000, description="Calls of one tenant that run at a time, of ZAVA_POOL_MAX"
    )
    fence_results: bool = Field(
        default=False, description="Put rows between random lines and say that they are only data"
    )
    compat_tools: bool = Field(
        default=False, description="Offer the four tools of the Zava sales sample server as well"
    )
    slow_query: float = Field(
        1.0, gt=0, le=_DAY, description="Seconds from which on a call is logged and counted as slow"
    )
    slow_query_plan: bool = Field(
        default=False, description="Log the shape of a slow query's plan, without literals"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of events that are logged; each call is at `info`"
    )
    catalogue_interval: float = Field(
        10.0, gt=0, le=_DAY, description="Seconds between looks for new or changed functions"
    )

    embedding_url: str | None = Field(
        None,
        pattern=_URL,
        description="Base URL of an OpenAI-compatible service, as in https://api.openai.com/v1;"
        " without one the local model embeds",
    )
    embedding_key: SecretStr | None = Field(None, description="Key of that service")
    embedding_model: str | None = Field(
        None, pattern=r"^[!-~]{1,150}$", description="Model that the service shall use"
    )
    embedding_dimensions: int | None = Field(
        None, ge=1, le=4000, description="Length of vectors to ask for, where a model has a choice"
    )
    embedding_api_version: str | None = Field(
        None, pattern=r"^[0-9A-Za-z.-]+$", description="Version of Azure's interface, if it is that"
    )
    embedding_deployment: str | None = Field(
        None,
        pattern=r"^[0-9A-Za-z._-]+$",
        description="Deployment on Azure; ZAVA_EMBEDDING_MODEL unless set",
    )
    embedding_timeout: float = Field(
        10.0, gt=0, le=600, description="Seconds to wait for one answer of the service"
    )
    embedding_batch: int = Field(
        32, ge=1, le=2048, description="Texts in one request to the service at most"
    )
    embedding_tokens: int = Field(
        8000, ge=16, description="Tokens of one text at most; the service does not get the rest"
    )
    embedding_cache: int = Field(
        1000, ge=0, le=1_000_000, description="Embeddings of questions that are kept in memory"
    )

    cache_ttl: float | None = Field(
        None, gt=0, le=_DAY, description="Seconds for which answers are kept; none unless set"
    )
    cache_bytes: int = Field(
        64_000_000, ge=100_000, description="Bytes of the answers that one process keeps"
    )
    cache_url: SecretStr | None = Field(
        None, description="URL of a Redis that keeps the answers instead, for all processes"
    )
    audit: Literal["refuse", "spool", "off"] | None = Field(
        None,
        description="While the audit log cannot be written: `refuse` calls (unless set, over HTTP),"
        " or `spool` their records to ZAVA_HOME; `off` writes none",
    )
    audit_arguments: Literal["full", "hashed", "none"] = Field(
        "full",
        description="How the audit log keeps arguments and SQL literals: full, hashed or none",
    )

    allowed_hosts: Hosts = Field(
        (),
        description="Names in `Host` that are served beside loopback, as in db.example or, where"
        " clients name a port, db.example:8443",
    )
    cors_origins: Origins = Field(
        (), description="Origins of web pages that may connect, as in https://app.example"
    )
    trusted_proxy: Words = Field(
        (), description="Networks whose peers may name the principal's id in `x-rls-user-id`"
    )
    auth_issuer: str | None = Field(
        None, pattern=_URL, description="Issuer of the JWTs that are accepted beside keys"
    )
    auth_jwks: str | None = Field(
        None, description="URL or file of the issuer's public keys (a JWK set)"
    )
    auth_resource: str | None = Field(
        None,
        pattern=_RESOURCE,
        description="URL of this server as its clients reach it, as in https://db.example/mcp",
    )
    auth_audience: str | None = Field(
        None, description="Audience that a JWT must name; ZAVA_AUTH_RESOURCE unless set"
    )
    auth_algorithms: Words = Field(
        ("RS256", "ES256"), description="Signature algorithms of JWTs that are accepted"
    )
    auth_claim: str = Field("sub", description="Claim of a JWT that holds the principal's name")
    auth_scopes: Scopes = Field((), description="Scopes that a JWT must have")
    auth_leeway: float = Field(
        30.0, ge=0, le=300, description="Seconds that the issuer's clock may differ"
    )

    @classmethod
    def misspelt(cls, names: Iterable[str]) -> dict[str, str]:
        """Find variables that are no settings, and which one each may be meant to be."""
        known = [f"ZAVA_{name}".upper() for name in cls.model_fields]
        found: dict[str, str] = {}
        for name in names:
            upper = name.upper()
            if upper.startswith("ZAVA_") and upper not in known:
                for meant in difflib.get_close_matches(upper, known, 1, cutoff=0.85):
                    found[name] = meant
        return found

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: a value is wrong; the message names its variable, never the value.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            variable = f"ZAVA_{first['loc'][0]}".upper()
            reason = first["msg"][:1].lower() + first["msg"][1:]
            raise ConfigurationError(
                f"{variable} is not valid: {reason}",
                hint="Correct the variable, or remove it to use the default.",
            ) from None


def required(variable: str, url: SecretStr | None) -> str:
    """Give a URL, which has to be set.

    Raises:
        ConfigurationError: it is not.
    """
    if url is None or not url.get_secret_value():
        raise ConfigurationError(
            f"{variable} is not set", hint="Set it, or start the embedded server: zava-sql db up"
        )
    return url.get_secret_value()
