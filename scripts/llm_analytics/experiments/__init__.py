"""From the marts of an experiment to a decision with its reasons: significance, power, offline."""
