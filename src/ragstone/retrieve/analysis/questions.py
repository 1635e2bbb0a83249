"""What a question asks of the index."""

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS
from ragstone.retrieve.analysis.languages import detect
from ragstone.retrieve.analysis.stems import stem
from ragstone.retrieve.analysis.terms import part_terms, whole_terms
from ragstone.retrieve.analysis.words import Word, words

_MOST_LANGUAGES = 4  # for a question whose own language cannot be told
_WEIGHT_OF_PIECES = 1.0  # of all pieces of a compound together, as much as the compound itself

_QUOTED = re.compile('"([^"]+)"|“([^“”"]+)[”“]|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|「([^「」]+)」|『([^『』]+)』')

_SENTENCE = re.compile(r"(?<=[.?!:])\s+")
_NOUNS_IN_CAPITALS = frozenset(("de", "lb"))

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """What a question asks for.

    ``groups``: one per distinct word, its alternatives (the word's stems in several languages); each whole and each
    piece of a compound is a word. A chunk matches a group by the best alternative. ``weights``: one per group, how
    often the word stands in the question; a compound's pieces share the weight of one word. ``phrases``: what stands
    in quotes, word by word, as written; at least two words each.
    """

    groups: tuple[Group, ...]
    weights: tuple[float, ...]
    phrases: tuple[tuple[str, ...], ...]
    language: str = ""
    """The question's own (ISO 639-1), where it can be told."""


def question_terms(question: str, languages: Sequence[str]) -> QuestionTerms:
    """Return the terms of ``question`` for documents in ``languages``, the most frequent first.

    Function words are left out unless the question, or a phrase in it, has no others ("The Who", "to be or not to be");
    in capitals they are names (WHO, US).
    """
    spoken = detect(question)
    function_words = FUNCTION_WORDS.get(spoken or next(iter(languages), ""), frozenset())
    question = question.lower() if question.isupper() else question
    tried = _tried(spoken, languages)
    phrases = tuple(_phrases(question))
    wanted = {word for phrase in map(_folded, phrases) if function_words.issuperset(phrase) for word in phrase}
    content: defaultdict[Group, float] = defaultdict(float)
    function: defaultdict[Group, float] = defaultdict(float)
    for word in words(question):
        piece_weight = _piece_weight(word)
        for part, group in zip(word.parts, _part_groups(word, tried), strict=True):
            says_nothing = _is_function_word(part, function_words) and part.casefold() not in wanted
            (function if says_nothing else content)[group] += piece_weight
        for group, is_widest in _whole_groups(word, tried):
            content[group] += 1.0 if is_widest else piece_weight
    weights = content or function
    return QuestionTerms(tuple(weights), tuple(weights.values()), phrases, spoken)


def further_terms(
    question: str, languages: Sequence[str], further: Sequence[str], sought: Container[Group]
) -> Mapping[Group, Group]:
    """Return for each of the groups ``sought`` the terms that its word has in ``further`` languages alone.

    The groups are those that ``question_terms`` makes of the question and ``languages``. One for which no language
    knows another term is left out.
    """
    tried = tried_languages(question, languages)
    found: defaultdict[Group, dict[str, None]] = defaultdict(dict)
    for word in words(question.lower() if question.isupper() else question) if further else ():
        groups = _all_groups(word, tried)
        if any(group in sought for group in groups):
            for group, more in zip(groups, _all_groups(word, further), strict=True):
                found[group] |= dict.fromkeys(term for term in more if group in sought and term not in group)
    return {group: tuple(more) for group, more in found.items() if more}


@dataclass(frozen=True, slots=True)
class PlainWord:
    """A word of a question that may be misspelt: ``text`` as written, and ``group``, its alternatives."""

    text: str
    group: Group


def plain_words(question: str, languages: Sequence[str]) -> tuple[PlainWord, ...]:
    """Return the plain words of ``question``, each once: letters alone, no function word, no name, not in quotes.

    A capital makes a name, but for the first word of a sentence and in German.
    """
    tried = tried_languages(question, languages)
    function_words = frozenset[str]().union(*(FUNCTION_WORDS.get(each, frozenset()) for each in tried))
    unquoted = _QUOTED.sub(" ", question.lower() if question.isupper() else question)
    found: dict[Group, PlainWord] = {}
    for sentence in _SENTENCE.split(unquoted):
        for place, word in enumerate(words(sentence)):
            text = word.parts[0] if word.parts else ""
            is_plain = len(word.parts) == 1 and not word.wholes and not word.unspaced and text.isalpha()
            may_be_capital = place == 0 or tried[0] in _NOUNS_IN_CAPITALS
            is_name = text != text.lower() and not (may_be_capital and text.istitle())
            if is_plain and not is_name and text.casefold() not in function_words:
                (group,) = _part_groups(word, tried)
                found.setdefault(group, PlainWord(text, group))
    return tuple(found.values())


def tried_languages(question: str, languages: Sequence[str]) -> list[str]:
    """Return the languages whose stems the words of ``question`` are tried by; ``""`` for none known."""
    return _tried(detect(question), languages)


def holds_phrase(text: str, phrase: Sequence[str], language: str) -> bool:
    """Say whether the words of ``phrase`` follow one another in ``text``, of ``language``, in whatever inflection."""
    sought = [stem(word, language) for word in phrase]
    held = [term for word in words(text) for term in part_terms(word, language)]
    return "\n".join(["", *sought, ""]) in "\n".join(["", *held, ""])


def _tried(spoken: str, languages: Sequence[str]) -> list[str]:
    """Return the languages whose stems a word is tried by.

    A question in a language that documents have is mostly answered in it. Further languages cost more, by
    stems that are other words elsewhere, than they find (tatqa 0.713 to 0.706, xquad's four languages 0.934 to 0.932).
    """
    if spoken in languages:
        return list(dict.fromkeys([spoken, languages[0]]))
    return list(dict.fromkeys(languages[:_MOST_LANGUAGES])) or [spoken]


def _piece_weight(word: Word) -> float:
    """Return the weight of each piece of ``word``; a compound's share one budget, so that they do not drown it."""
    pieces = len(word.parts) + len(word.wholes) - 1
    return min(1.0, _WEIGHT_OF_PIECES / pieces) if word.wholes and pieces else 1.0


def _is_function_word(part: str, function_words: frozenset[str]) -> bool:
    return part.casefold() in function_words and not (len(part) > 1 and part.isupper())


def _part_groups(word: Word, languages: Sequence[str]) -> list[Group]:
    if word.unspaced:
        return [(part,) for part in word.parts]
    return _groups([part_terms(word, language) for language in languages])


def _whole_groups(word: Word, languages: Sequence[str]) -> list[tuple[Group, bool]]:
    """Return the alternatives of each whole of ``word``, and whether it is the widest."""
    groups = _groups([whole_terms(word, language) for language in languages])
    return [(group, place == len(groups)) for place, group in enumerate(groups, 1)]


def _all_groups(word: Word, languages: Sequence[str]) -> list[Group]:
    return [*_part_groups(word, languages), *(group for group, _ in _whole_groups(word, languages))]


def _groups(by_language: Sequence[Sequence[str]]) -> list[Group]:
    return [tuple(dict.fromkeys(alternatives)) for alternatives in zip(*by_language, strict=True)]


def _folded(phrase: Sequence[str]) -> list[str]:
    return [word.casefold() for word in phrase]


def _phrases(question: str) -> Iterator[tuple[str, ...]]:
    for quoted in _QUOTED.findall(question):
        phrase = tuple(part for word in words("".join(quoted)) for part in word.parts)
        if len(phrase) > 1:
            yield phrase
