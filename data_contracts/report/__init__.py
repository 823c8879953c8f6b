"""A checked contract for people: at a terminal, as a page, as Great Expectations' own site."""
