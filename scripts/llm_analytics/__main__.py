"""`python -m llm_analytics`."""

from llm_analytics.cli import run

if __name__ == "__main__":
    run()
