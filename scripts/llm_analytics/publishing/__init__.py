"""The published copy: the marts of one build that passed its tests, for everyone who reads.

A copy is written beside the last one, checked, and renamed over it: readers never wait, and never
see a half of it. Nothing here computes a metric.
"""
