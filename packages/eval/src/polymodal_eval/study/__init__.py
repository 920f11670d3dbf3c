"""Studies: a grid of runs, and the tables that their reports fill."""
