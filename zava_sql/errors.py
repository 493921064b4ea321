"""The one error tree. A message says what happened, a hint what to do.

    ZavaError
    ├── ValidationError       VALIDATION_ERROR      a bad argument
    ├── QueryRefused          QUERY_REFUSED         the guard said no; where and why
    ├── AuthorizationError    AUTHORIZATION_ERROR   no such identity, or not allowed
    ├── QueryTimeout          QUERY_TIMEOUT         stopped by the time limit
    ├── DatabaseError         DATABASE_ERROR        PostgreSQL said no; with its SQLSTATE
    │   ├── AccessDenied      AUTHORIZATION_ERROR   it said that this identity may not
    │   └── BadArgument       VALIDATION_ERROR      it said so of what a function was given
    ├── LimitExceeded         LIMIT_EXCEEDED        a cap of this server was reached
    ├── ServiceUnavailable    SERVICE_UNAVAILABLE   the database cannot be reached
    └── ConfigurationError    CONFIGURATION_ERROR   this installation is set up wrongly
        └── TextsRefused      CONFIGURATION_ERROR   an embedding service does not take some texts

Neither text ever holds a connection string, a key, another tenant's literal or a stack.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AccessDenied",
    "AuthorizationError",
    "BadArgument",
    "ConfigurationError",
    "DatabaseError",
    "LimitExceeded",
    "QueryRefused",
    "QueryTimeout",
    "ServiceUnavailable",
    "TextsRefused",
    "ValidationError",
    "ZavaError",
]


class ZavaError(Exception):
    """Base of all errors that a caller is meant to see."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    exit_code: ClassVar[int] = 2

    # Whether the record of a call contains it.
    told = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_dict(self) -> dict[str, str | int | None]:
        """Fields for programs (`--json`, MCP); empty ones are left out."""
        fields: dict[str, str | int | None] = {"code": self.code, "message": self.message}
        if self.hint:
            fields["hint"] = self.hint
        return fields


class ValidationError(ZavaError):
    """A bad argument."""

    code = "VALIDATION_ERROR"


class QueryRefused(ZavaError):
    """The guard refused the text; `position` counts characters of the caller's text from 1."""

    code = "QUERY_REFUSED"

    def __init__(
        self, message: str, *, reason: str, hint: str = "", position: int | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.position = position

    def to_dict(self) -> dict[str, str | int | None]:
        """Add what only this error has."""
        fields = super().to_dict() | {"reason": self.reason}
        if self.position is not None:
            fields["position"] = self.position
        return fields


class AuthorizationError(ZavaError):
    """No such identity, a disabled one, or one that may not do this."""

    code = "AUTHORIZATION_ERROR"


class QueryTimeout(ZavaError):
    """The statement ran into the time limit and was cancelled in PostgreSQL."""

    code = "QUERY_TIMEOUT"


class DatabaseError(ZavaError):
    """PostgreSQL refused the statement; `sqlstate` is its code."""

    code = "DATABASE_ERROR"

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        hint: str = "",
        position: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate
        self.position = position

    def to_dict(self) -> dict[str, str | int | None]:
        """Add what only this error has."""
        fields = super().to_dict() | {"sqlstate": self.sqlstate}
        if self.position is not None:
            fields["position"] = self.position
        return fields


class AccessDenied(DatabaseError):
    """The role may not read this, or a function says that the store is not the caller's: 42501."""

    code = "AUTHORIZATION_ERROR"


class BadArgument(DatabaseError):
    """A function called as a tool refuses an argument, or PostgreSQL its text: 22023, 22P02."""

    code = "VALIDATION_ERROR"


class LimitExceeded(ZavaError):
    """A cap of this server was reached."""

    code = "LIMIT_EXCEEDED"


class ServiceUnavailable(ZavaError):
    """The database, or another service that is needed, cannot be reached."""

    code = "SERVICE_UNAVAILABLE"
    exit_code = 3


class ConfigurationError(ZavaError):
    """A setting is missing or wrong, or the database is not set up for this."""

    code = "CONFIGURATION_ERROR"


class TextsRefused(ConfigurationError):
    """An embedding service took the request, but not these texts; of the others it gave vectors.

    `vectors` are those that came, in the order of the texts, and None for each that is refused.
    """

    def __init__(self, message: str, *, vectors: list[list[float] | None], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.vectors = vectors
