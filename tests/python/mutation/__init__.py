"""Break each definition on purpose, and name the test that notices."""
