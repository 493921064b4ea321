"""The signed context, by which the database knows for whom a transaction asks.

What the database raises for one that is genuine, and no longer good, stands here as well.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from zava_sql.principals import Principal

__all__ = ["DISABLED", "KEY_RETIRED", "TIME_OVER", "ContextKey"]

# What zava.verify_context() raises, and nothing else does: the key is retired, the principal is
# disabled, the time is over, since a clock has moved.
KEY_RETIRED: Final = "ZA001"
TIME_OVER: Final = "ZA002"
DISABLED: Final = "ZA003"


@dataclass(frozen=True, slots=True)
class ContextKey:
    """A key that signs contexts; the database knows its pads under the same `kid`."""

    kid: str
    secret: bytes = field(repr=False)
    # Begun with the secret: OpenSSL takes longer to set one up than to sign.
    _signer: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_signer", hmac.new(self.secret, digestmod="sha256"))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key with a random id."""
        return cls(secrets.token_hex(4), secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<kid>:<hex>`, the form of ZAVA_CONTEXT_KEY.

        Raises:
            ConfigurationError: anything else; the message does not repeat the text.
        """
        match = re.fullmatch(r"([a-z0-9]{1,16}):((?:[0-9a-f]{2}){32,64})", text.strip())
        if match is None:
            raise ConfigurationError(
                "ZAVA_CONTEXT_KEY does not have the form <id>:<hexadecimal key>",
                hint="Make one with: zava-sql key create",
            )
        return cls(match[1], bytes.fromhex(match[2]))

    def __str__(self) -> str:
        return f"{self.kid}:{self.secret.hex()}"

    def pads(self) -> tuple[bytes, bytes]:
        """Give ipad and opad of RFC 2104, with which PostgreSQL verifies in two hashes."""
        block = self.secret.ljust(64, b"\0")
        return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)

    def fingerprint(self) -> bytes:
        """Give what `zava.knows_signing_key()` compares."""
        return hashlib.sha256(b"".join(self.pads())).digest()

    def sign(self, principal: Principal, *, pid: int, expiry: int) -> str:
        """Give the context of one transaction: `expiry` in epoch seconds of the database."""
        body = f"1.{self.kid}.{principal.principal_id}.{principal.role}.{pid}.{expiry}"
        signer = self._signer.copy()
        signer.update(body.encode())
        return f"{body}.{signer.hexdigest()}"
