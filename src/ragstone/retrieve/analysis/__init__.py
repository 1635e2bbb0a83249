"""What counts as a word: the terms that BM25 matches, in a text and in a question.

One step a module: ``words`` (what stands together, and its pieces), ``stems`` (what a language makes of a piece),
``terms`` (a text's terms), ``questions`` (a question's), ``languages`` (which language it is).
"""

from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS
from ragstone.retrieve.analysis.languages import detect
from ragstone.retrieve.analysis.questions import QuestionTerms, holds_phrase, question_terms
from ragstone.retrieve.analysis.terms import count_terms, terms

STOP_WORDS = FUNCTION_WORDS["en"]

__all__ = ["STOP_WORDS", "QuestionTerms", "count_terms", "detect", "holds_phrase", "question_terms", "terms"]
