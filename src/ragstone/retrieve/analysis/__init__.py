"""What counts as a word: the terms that BM25 matches, in a text and in a question.

One step a module: ``words`` (what stands together, and its pieces), ``stems`` (what a language makes of a piece),
``terms`` (a text's terms), ``questions`` (a question's), ``languages`` (which language it is), ``misspellings`` (what
a word may have been meant to be).
"""

from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS
from ragstone.retrieve.analysis.languages import detect
from ragstone.retrieve.analysis.questions import (
    PlainWord,
    QuestionTerms,
    holds_phrase,
    plain_words,
    question_terms,
    tried_languages,
)
from ragstone.retrieve.analysis.terms import count_terms, terms, terms_of_pieces

STOP_WORDS = FUNCTION_WORDS["en"]

__all__ = [
    "STOP_WORDS",
    "PlainWord",
    "QuestionTerms",
    "count_terms",
    "detect",
    "holds_phrase",
    "plain_words",
    "question_terms",
    "terms",
    "terms_of_pieces",
    "tried_languages",
]
