from collections.abc import AsyncGenerator

import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.ports.parser import Parser
from ragstone.testing.parsers import ParserConformance


class TestKreuzberg(ParserConformance):
    @pytest.fixture
    async def parser(self) -> AsyncGenerator[Parser, None]:
        parser = KreuzbergParser(workers=2, timeout=60.0, memory_mb=1024)
        yield parser
        await parser.close()
