"""Loading: files in, checked and typed rows in the raw tables, nothing lost on the way."""
