"""The arena's service: a page on which people compare two clips without knowing who made them."""
