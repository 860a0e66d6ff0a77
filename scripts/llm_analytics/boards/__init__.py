"""Boards: the published file as pages, rendered by dbt-charts from the YAML in `dashboards/`.

The boards ask and show; what a number means is said by the marts. Nothing here computes one.
"""
