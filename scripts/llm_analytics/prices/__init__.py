"""`llm-analytics prices`: keeps the dated price list up to date from public price tables."""
