"""EAT, an audio tagger: which of AudioSet's classes, speech and singing among them, a clip's audio holds."""
