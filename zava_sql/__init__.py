"""zava_sql: let AI agents query a shared, multi-tenant PostgreSQL safely."""

__version__ = "0.1.0"
