"""A user's prompt rewritten as a training caption, with a description of the first frame, by models of others."""
