"""The report of a week or month: what changed, whether it matters, and what to do next.

It reads marts alone: what a metric is, and its value for a period, is said there.
"""
