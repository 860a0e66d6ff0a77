"""Replaces names of people, places and groups in a text: presidio, with a language model of spaCy.

An extra, since a model weighs more than all else here: `pip install 'llm-analytics[names]'`, and
`python -m spacy download MODEL`. Nothing is fetched when it runs.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from llm_analytics.errors import LlmAnalyticsError

#: What stands in place of what presidio finds. Numbers and addresses have patterns of their own.
_MARKS = {"PERSON": "[person]", "LOCATION": "[location]", "NRP": "[group]"}


class NameRedactor:
    """Replaces names by [person], places by [location], nationality, religion, politics by [group].

    Used from several threads, one at a time: a pipeline of spaCy is not said to be safe in more.
    """

    def __init__(self, model: str) -> None:
        """Loads a model: the name of an installed package, or a folder that spaCy wrote.

        Raises LlmAnalyticsError if the extra or the model is not installed.
        """
        try:
            import spacy
            from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
            from presidio_analyzer.nlp_engine import SpacyNlpEngine
            from presidio_analyzer.predefined_recognizers import SpacyRecognizer
        except ImportError as error:
            raise LlmAnalyticsError(
                "redact_names needs the extra `names`: pip install 'llm-analytics[names]'"
            ) from error
        if not spacy.util.is_package(model) and not Path(model).is_dir():
            raise LlmAnalyticsError(
                f"redact_names: the model {model} is not installed:"
                f" python -m spacy download {model}"
            )
        pipeline = spacy.load(model)
        self._language = pipeline.lang
        engine = SpacyNlpEngine(models=[{"lang_code": pipeline.lang, "model_name": model}])
        engine.nlp = {pipeline.lang: pipeline}
        recognizer = SpacyRecognizer(
            supported_language=pipeline.lang, supported_entities=list(_MARKS)
        )
        self._analyzer = AnalyzerEngine(
            registry=RecognizerRegistry(
                recognizers=[recognizer], supported_languages=[pipeline.lang]
            ),
            nlp_engine=engine,
            supported_languages=[pipeline.lang],
        )
        self._lock = Lock()

    def redact(self, text: str) -> str:
        """The text with names replaced."""
        with self._lock:
            found = self._analyzer.analyze(text, self._language, entities=list(_MARKS))
        # From the end on, so that places stay what they are; of two that overlap the longer.
        end = len(text)
        for each in sorted(found, key=lambda one: (-one.end, one.start)):
            if each.end <= end:
                text = text[: each.start] + _MARKS[each.entity_type] + text[each.end :]
                end = each.start
        return text
