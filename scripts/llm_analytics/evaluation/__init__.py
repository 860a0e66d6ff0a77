"""A sample of the answers, judged by a rubric: by a model, or by people, blind."""
