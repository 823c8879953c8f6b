"""The registry's schema as Alembic revisions, inside the package so that an installed one can upgrade its database.

A new revision is a new file in `versions` (the last one's number plus one), and `NEWEST` in
`mova_core.registry.database.migration`. A revision that was released is never edited.
"""
