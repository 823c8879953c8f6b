"""Captions by models: three exclusive tracks (visual, speech, all other audio), and one text made of them."""
