"""Explains what is wrong with the URL of a database, without quoting any of it.

The driver reads URLs nearly as libpq does. Where it silently differs, this says so.
"""

from __future__ import annotations

import configparser
import os
import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from zava_sql.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WRONG_URL", "connecting", "login_advice", "wrong_url"]

# Exceptions of drivers for an invalid URL, such as one with a port that is too large.
WRONG_URL: Final = (ValueError, OverflowError)

# Parameters that name files, as the driver reads them.
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

# TLS errors that mean the peer is gone.
_LOST: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@contextmanager
def connecting(name: str, url: str) -> Iterator[None]:
    """Translate errors in a URL, or in the files that it names.

    Raises: ConfigurationError: something is wrong with it, or its login is refused.
    ServiceUnavailable: no host is of the kind that it asks for.
    """
    try:
        _require_service(name, url)
        yield
    except WRONG_URL as error:
        raise wrong_url(name, error) from None
    except (asyncpg.InvalidParameterValueError, asyncpg.UndefinedObjectError) as error:
        # What PostgreSQL does not take; among it what only libpq knows.
        raise ConfigurationError(
            f"PostgreSQL refuses a setting of {name}: {error.message}",
            hint="Leave it out of the URL, or correct it.",
        ) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(
            f"the database refused the login of {name}", hint=login_advice(error)
        ) from error
    except asyncpg.TargetServerAttributeNotMatched as error:
        raise ServiceUnavailable(
            f"no server of {name} is of the kind that it asks for",
            hint="Check target_session_attrs, and that all hosts run.",
        ) from error
    except OSError as error:
        told = _of_files(name, url, error)
        if told is None:
            raise
        raise told from None


def wrong_url(name: str, error: Exception) -> ConfigurationError:
    """Say what is wrong with a URL; its own words may quote a part of it, such as the password."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConfigurationError(
            "the certificate of the database is not trusted",
            hint="Check sslrootcert, and that the URL names the host as the certificate does.",
        )
    return ConfigurationError(
        f"{name} is not a PostgreSQL URL, or names a file that cannot be read",
        hint="Use postgresql://user:password@host:5432/database; check sslrootcert.",
    )


def login_advice(error: asyncpg.PostgresError) -> str:
    """Say what may be wrong with a login that is refused."""
    if isinstance(error, asyncpg.InvalidPasswordError):
        return (
            "Check user and password in the URL."
            " From a file of passwords, none with a colon or backslash is read."
        )
    return "Check the user in the URL: that it may log in, and from here (pg_hba.conf, sslmode)."


def _parameters(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def _require_service(name: str, url: str) -> None:
    """Check that a service is known: for an unknown one the driver connects to this machine."""
    service = _parameters(url).get("service")
    if service is None:
        return
    home = Path(os.environ.get("HOME") or "/")
    path = Path(os.environ.get("PGSERVICEFILE") or home / ".pg_service.conf")
    known = configparser.ConfigParser(interpolation=None)
    try:
        known.read(path)
    except (configparser.Error, OSError) as error:
        raise ConfigurationError(
            f"the file of services that {name} needs cannot be read: {path}",
            hint="Correct it, or let PGSERVICEFILE name another.",
        ) from error
    if not known.has_section(service):
        raise ConfigurationError(
            f"the service that {name} names is not in {path}",
            hint="Add it there, or let PGSERVICEFILE name the file.",
        )


def _of_files(name: str, url: str, error: OSError) -> ConfigurationError | None:
    """Say which file, or what of TLS, kept somebody from connecting; None where it was neither."""
    if isinstance(error, ssl.SSLError):
        if isinstance(error, _LOST):
            return None
        reason = f": {error.reason.replace('_', ' ').lower()}" if error.reason else ""
        return ConfigurationError(
            f"there is no TLS with the database of {name}{reason}",
            hint="Check sslcert, sslkey, sslpassword and sslrootcert.",
        )
    if "rejected SSL upgrade" in str(error):
        return ConfigurationError(
            f"the database of {name} does not speak TLS",
            hint="Turn ssl on there, or check sslmode.",
        )
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)):
        return None
    given = _parameters(url)
    paths = {one: given.get(one) or os.environ.get(f"PG{one.upper()}") for one in _FILES}
    unread = (one for one, path in paths.items() if path and not _is_readable(path))
    # Where none is named, the driver looks into HOME, as libpq does.
    wrong = next(unread, error.filename)
    if wrong is None:
        return None
    return ConfigurationError(
        f"{name} needs a file that cannot be read: {wrong}",
        hint="Correct its path, or HOME, or let this account read it.",
    )


def _is_readable(path: str) -> bool:
    try:
        with Path(path).open("rb"):
            return True
    except (OSError, ValueError):
        return False
