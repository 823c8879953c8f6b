"""The arena's rows: clips by contender, ballots, and the votes that they become."""
