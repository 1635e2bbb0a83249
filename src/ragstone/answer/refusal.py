"""What is said where the sources do not hold the answer, in the language of the question."""

import re
from typing import Final

from ragstone.answer.terms import language_of

_REFUSALS: Final = {
    "english": "The documents do not answer this question.",
    "german": "Die Dokumente beantworten diese Frage nicht.",
    "spanish": "Los documentos no responden a esta pregunta.",
    "french": "Les documents ne répondent pas à cette question.",
}
_SAYS_SO: Final = re.compile(
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|cannot|can['’]t|could not|unable to|no)\b[^.!?]{0,60}"
    r"\b(?:answer|contain|hold|mention|provide|say|state|specif\w+|address|include|find|information|know)\b"
    r"|\bich weiß (?:es )?nicht\b|\bkeine (?:angaben|informationen|antwort)\b|\bno (?:contienen|responden|lo sé)\b"
    r"|\bne (?:contiennent|répondent|sais)\b",
    re.I,
)
_LONGEST: Final = 300


def refusal(question: str) -> str:
    """Return the sentence that refuses ``question``."""
    return _REFUSALS[language_of(question).stemmer]


def refuses(text: str) -> bool:
    """Say whether a model's text, which cites nothing, says that the sources do not hold the answer."""
    return not text.strip() or (len(text) <= _LONGEST and _SAYS_SO.search(text) is not None)
