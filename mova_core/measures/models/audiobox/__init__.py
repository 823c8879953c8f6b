"""Audiobox-aesthetics: how good, useful, complex and enjoyable people would find a clip's audio, 1 to 10."""
