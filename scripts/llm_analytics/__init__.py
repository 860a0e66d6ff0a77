"""LLM product analytics: load raw events, watch the warehouse, and infer from its marts."""
