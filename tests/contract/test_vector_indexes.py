import pytest

from ragstone.container import Container
from ragstone.ports.lexical_index import LexicalIndex
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex
from ragstone.testing.vector_indexes import VectorIndexConformance


class TestPgVectorIndex(VectorIndexConformance):
    @pytest.fixture
    def record(self, container: Container) -> Record:
        return container.record

    @pytest.fixture
    def lexical(self, container: Container) -> LexicalIndex:
        return container.lexical

    @pytest.fixture
    def index(self, container: Container) -> VectorIndex:
        return container.vectors
