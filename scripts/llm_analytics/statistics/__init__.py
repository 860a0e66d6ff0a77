"""Inference from a few exact sums: each module one idea, each formula with its source.

The warehouse reduces an experiment to sums per arm; nothing here reads data, and nothing here
knows a metric. `sums` turns sums into estimates, `pivot` compares two estimates, and the rest
changes the critical value, combines estimates or checks whether they may be read at all.
"""
