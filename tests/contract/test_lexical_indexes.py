import pytest

from ragstone.container import Container
from ragstone.ports.lexical_index import LexicalIndex
from ragstone.ports.record import Record
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.testing.lexical_indexes import LexicalIndexConformance


class TestPostgresLexicalIndex(LexicalIndexConformance):
    title_weight = int(FieldWeights().title)

    @pytest.fixture
    def record(self, container: Container) -> Record:
        return container.record

    @pytest.fixture
    def index(self, container: Container) -> LexicalIndex:
        return container.lexical
