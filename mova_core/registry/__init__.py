"""What happened, hash-linked from footage to served clip: SQLAlchemy tables on SQLite or PostgreSQL."""

from mova_core.registry.aliases import get_alias, set_alias
from mova_core.registry.database import open_database, reading, writing

__all__ = ["get_alias", "open_database", "reading", "set_alias", "writing"]
