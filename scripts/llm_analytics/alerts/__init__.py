"""Alert rules against history: thresholds that it suggests, and how well rules find incidents.

Rules are evaluated in the warehouse (`alert_windows`); nothing here decides whether one fires.
"""
