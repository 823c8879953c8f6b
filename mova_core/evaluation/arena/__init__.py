"""The arena: clips of contenders compared pair by pair, and the ratings that follow from the votes."""
