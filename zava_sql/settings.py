"""Settings from ZAVA_* variables; secrets never show in a repr, and nothing is read at import."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from zava_sql.errors import ConfigurationError

__all__ = ["Settings"]


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
    home: Path = Field(Path(".zava"), description="Directory of the embedded server")

    pool_min: int = Field(2, ge=0, le=1000, description="Connections kept open")
    pool_max: int = Field(10, ge=1, le=1000, description="Connections at most")
    pool_lifetime: float = Field(
        300.0, gt=0, description="Seconds after which an idle connection is closed"
    )
    pool_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a free connection")
    connect_timeout: float = Field(10.0, gt=0, description="Seconds to wait for a new connection")
    command_timeout: float = Field(
        30.0, gt=0, description="Seconds that the client waits for one command"
    )
    statement_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds after which PostgreSQL cancels a statement"
    )
    work_mem: str = Field(
        "4MB", pattern=r"^[0-9]+(kB|MB|GB)$", description="Memory of one sort or hash"
    )
    application_name: str = Field(
        "zava-mcp-server", max_length=63, description="Name shown in pg_stat_activity"
    )
    time_zone: str = Field(
        "America/Los_Angeles",
        pattern=r"^[A-Za-z0-9_+/-]+$",
        description="Time zone of the sessions that run queries",
    )
    max_rows: int = Field(200, ge=1, description="Rows of one answer where the caller names none")
    max_rows_limit: int = Field(10_000, ge=1, description="Rows of one answer at most")

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
            variable = "ZAVA_" + "_".join(str(part) for part in first["loc"]).upper()
            raise ConfigurationError(
                f"{variable} is not valid: {first['msg'].lower()}",
                hint="Correct the variable, or remove it to use the default.",
            ) from None
