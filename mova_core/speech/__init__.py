"""Speech: who says what and when, given or by models, and how far two transcripts are apart."""
