"""What all routes that take a question share."""

from ragstone.domain.errors import TooLarge


def check_length(question: str, longest: int) -> None:
    """Raise ``TooLarge`` for a question of more than ``longest`` characters."""
    if len(question) > longest:
        raise TooLarge(
            f"The question has {len(question):,} characters; at most {longest:,} are taken.",
            remedy="Ask a shorter question, or raise RAGSTONE_MAX_QUESTION_CHARS.",
        )
