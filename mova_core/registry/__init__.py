"""What happened, hash-linked from footage to served clip: SQLAlchemy tables on SQLite or PostgreSQL."""
