"""What teams already log with: one module a source, from its native records to flat ones."""
