"""reStructuredText: nothing that a reader would see is lost, and nothing is opened."""

import gc
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from docutils import nodes

from ragstone.adapters.parsers.kreuzberg.media_types import PLAIN, RST
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.adapters.parsers.kreuzberg.rst.document import read_tree, rst_to_markdown

TABLE = "| port | ships |\n| --- | --- |\n| Riga | 97 |\n| Cádiz | 3 |"
GRID = """\
+-------+-------+
| port  | ships |
+=======+=======+
| Riga  | 97    |
+-------+-------+
| Cádiz | 3     |
+-------+-------+"""
LISTS = """\
.. list-table::
   :header-rows: 1
   :class: of-some-extension

   * - port
     - ships
   * - Riga
     - 97
   * - Cádiz
     - 3"""


def written(source: str) -> str:
    content = rst_to_markdown(source)
    assert content is not None
    return content


@pytest.mark.parametrize(
    "source",
    [
        "=====  =====\nport   ships\n=====  =====\nRiga   97\nCádiz  3\n=====  =====",
        GRID,
        '.. csv-table::\n   :header: "port", "ships"\n\n   Riga, 97\n   Cádiz, 3',
        LISTS,
    ],
)
def test_every_form_of_table(source: str) -> None:
    assert written(f"Before.\n\n{source}\n\nAfter.\n") == f"Before.\n\n{TABLE}\n\nAfter."


def test_cells_that_span_others_and_hold_blocks() -> None:
    source = """\
+-----+-----+-----+
| a   | b   | c   |
+=====+=====+=====+
| wide      | 1   |
+-----+-----+-----+
| tall| - x | 2   |
|     | - y |     |
|     +-----+-----+
|     | ::  | 3   |
|     |     |     |
|     |  z  |     |
+-----+-----+-----+
"""
    assert written(source).split("\n")[2:] == ["| wide |  | 1 |", "| tall | - x - y | 2 |", "|  | z | 3 |"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (".. function:: foo(*a, **k)\n              bar()\n\n   Does it.", "`foo(*a, **k)`\n`bar()`\nDoes it."),
        (".. py:class:: A\n\n   .. py:method:: b()\n\n      Inner.", "`A`\n\n`b()`\nInner."),
        (".. confval:: x\n   :type: bool\n   :default: yes\n\n   Text.", "`x`\n\nType: bool\nDefault: yes\n\nText."),
        (".. option:: -v\n\n   Loud.", "`-v`\nLoud."),
        (".. autoclass:: flask.Flask\n   :members:", "`flask.Flask`"),
        (".. versionadded:: 1.2\n   It is *new*.", "**Added in version 1.2:** It is *new*."),
        (".. deprecated:: 3.1 Use it not.", "**Deprecated since version 3.1:** Use it not."),
        (".. versionchanged:: 2", "**Changed in version 2**"),
        (".. seealso:: This.\n\n   And that.", "**See also:** This.\n\nAnd that."),
        (".. note::\n\n   - one\n   - two", "**Note**\n\n- one\n- two"),
        (".. admonition:: Mind *this*\n   :collapsible:\n\n   Text.", "**Mind *this*:** Text."),
        (".. figure:: a.png\n   :alt: Cranes\n\n   The cap.\n\n   The legend.", "Cranes\n\nThe cap.\n\nThe legend."),
        (".. figure:: a.png\n   :alt: Same\n   :align: nowhere\n\n   Same", "Same"),
        (".. image:: a.png\n   :alt: A crane\n   :width: some", "A crane"),
        (".. topic:: Top\n\n   Body.", "**Top**\n\nBody."),
        (".. sidebar:: Side\n   :subtitle: Sub\n\n   Body.", "**Side**\n\n**Sub**\n\nBody."),
        (".. glossary::\n\n   term\n      It means this.", "term\nIt means this."),
        (".. only:: html\n\n   Shown.", "Shown."),
        (".. container:: wide\n\n   Shown.", "Shown."),
        (".. class:: wide\n\n   Shown.", "Shown."),
        (".. rubric:: Red", "**Red**"),
        (".. epigraph::\n\n   Said.\n\n   -- Someone", "> Said.\n>\n> — Someone"),
        (".. tab-set::\n\n   .. tab-item:: Linux\n      :sync: l\n\n      Type.", "Linux\n\nType."),
        (".. never-heard-of:: Its *title*\n   :option: 1\n\n   Body.", "Its *title*\n\nBody."),
        (".. never-heard-of::\n\n   In it\n   -----\n\n   Body.", "# In it\n\nBody."),
        (".. code-block:: python\n   :caption: x.py\n   :linenos:\n\n   x = 1", "x.py\n\n```python\nx = 1\n```"),
        (".. code::\n\n   ```\n   x", "````\n```\nx\n````"),
        ("See::\n\n  a\n    b", "See:\n\n```\na\n  b\n```"),
        (">>> 1 + 1\n2", "```pycon\n>>> 1 + 1\n2\n```"),
        (".. math::\n   :label: e\n\n   x^2", "$$x^2$$"),
        (".. toctree::\n   :caption: Parts\n\n   intro\n   The end <end>", "Parts\n\n- intro\n- The end"),
        (".. comment: words\n\nText.", "Text."),
        (".. raw:: html\n\n   <b>x</b>\n\nText.", "Text."),
        (".. index:: thing\n\nText.", "Text."),
    ],
)  # fmt: skip
def test_directives(source: str, expected: str) -> None:
    assert written(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*a* **b** ``c*`` `d`", "*a* **b** `c*` d"),
        ("a\\ *b*\\ c \\*d", "a*b*c *d"),
        ("see :ref:`the title <target>` and :ref:`target`", "see the title and target"),
        (":py:func:`~a.b.c`, :func:`!a.b`, :meth:`A.b()`, :class:`~A`", "`c()`, `a.b()`, `A.b()`, `A`"),
        (":class:`Title <a.B>` and :cpp:class:`~std::vector`", "`Title` and `vector`"),
        (":file:`/x/{name}/y` :pep:`8` :unheard:`of it`", "`/x/name/y` PEP 8 of it"),
        (":math:`a\\b` H\\ :sub:`2`\\ O :abbr:`LIFO (last in)`", "$a\\b$ H2O LIFO (last in)"),
        (".. role:: py(code)\n   :language: python\n\n:py:`x = 1`", "`x = 1`"),
        (".. role:: html(raw)\n   :format: html\n\na :html:`<br>` b", "a b"),
        ("|v| and |none|\n\n.. |v| replace:: *one* thing", "*one* thing and |none|"),
        ("|pic|\n\n.. |pic| image:: a.png\n   :alt: A crane", "A crane"),
        ("a |br| b\n\n.. |br| raw:: html\n\n   <br>", "a b"),
        ("|a|\n\n.. |a| replace:: x |b|\n.. |b| replace:: y |a|", "x y |a|"),
        ("`here <http://a.b/c>`_ and there_.\n\n.. _there: http://d.e", "[here](http://a.b/c) and [there](http://d.e)."),
        ("`x`__ http://a.b\n\n__ http://c.d", "[x](http://c.d) http://a.b"),
        ("name_ and `Own title`_\n\nOwn title\n=========", "name_ and Own title\n\n# Own title"),
        ("a [1]_ b [#n]_\n\n.. [1] one\n.. [#n] two", "a [1] b [2]\n\n[1] one\n\n[2] two"),
        ("a [*]_\n\n.. [*] star", "a [*]\n\n[*] star"),
        ("As [Knu84]_ has it.\n\n.. [Knu84] The book.", "As [Knu84] has it.\n\n[Knu84] The book."),
    ],
)  # fmt: skip
def test_what_stands_within_lines(source: str, expected: str) -> None:
    assert written(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A\n=\n\nB\n-\n\nx\n\nC\n=", "# A\n\n## B\n\nx\n\n# C"),
        ("one\ntwo\n\n# no heading", "one two\n\n\\# no heading"),
        ("- a\n- b\n\n  more\n\n- c\n\n  - d", "- a\n\n- b\n\n  more\n\n- c\n  - d"),
        ("3. a\n#. b\n\ni) x\nii) y", "3. a\n4. b\n\n- i) x\n- ii) y"),
        ("term : kind\n  It means.\n\n  More.", "term : kind\nIt means.\n\nMore."),
        (":Author: Me\n:param x: The x.\n:orphan:", "- Author: Me\n- Parameter x: The x."),
        ("-a, --all FILE  Takes all.", "`-a, --all FILE`\nTakes all."),
        ("| one\n|   two", "one\ntwo"),
        ("Text\n\n  Said.", "Text\n\n> Said."),
        ("Text\n\n  - not said", "Text\n\n- not said"),
        ("- Title\n  =====", "- **Title**"),
        ("=== ===\nabcde b\n=== ===", "```\n=== ===\nabcde b\n=== ===\n```"),
    ],
)
def test_blocks(source: str, expected: str) -> None:
    assert written(source) == expected


def test_no_message_of_docutils_is_text() -> None:
    source = "A\n==\n\n*open `open |open\n\n  indented\nnot\n\n.. image::\n\nx_ [9]_ `c <d_>`_\n\n.. note::\n\n==\nA\n"
    content = written(source)
    assert not {"warning", "error", "unexpected", "docutils"} & set(content.lower().replace(":", " ").split())
    assert "*open `open |open" in content


READS_FILES = """\
Before.

.. include:: {path}

.. literalinclude:: {path}

.. csv-table::
   :file: {path}

.. csv-table::
   :url: {address}

.. raw:: html
   :file: {path}

.. raw:: html
   :url: {address}

.. include:: {path}
   :literal:

.. figure:: {path}
   :figwidth: image

   Cap.

.. |in| include:: {path}

|in| After.
"""


def test_no_file_and_no_address_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written("warm\n\n.. csv-table::\n\n   a")  # what is imported when first needed is opened
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *args, **_: opened.append(args))
    monkeypatch.setattr("io.open", lambda *args, **_: opened.append(args))
    monkeypatch.setattr(socket, "socket", lambda *args, **_: opened.append(args))
    content = written(READS_FILES.format(path=secret, address=f"{secret.as_uri()}"))
    monkeypatch.undo()
    assert opened == []
    assert "hunter2" not in content
    assert content.startswith("Before.")
    assert "Cap." in content
    assert content.endswith("After.")


@pytest.mark.parametrize(
    "source",
    [
        "\n\n".join("   " * depth + ".. note::" for depth in range(400)) + "\n\n" + "   " * 400 + "deep words",
        "\n\n".join("  " * depth + f"- w{depth}" for depth in range(600)),
        ".. include:: other.rst\n",
    ],
    ids=["directives", "lists", "nothing of its own"],
)
def test_what_docutils_cannot_make_text_of_stays_as_it_is(source: str) -> None:
    parsed = read(source.encode(), RST, "a.rst")
    assert (parsed.content, parsed.media_type) == (source, PLAIN)


@pytest.mark.parametrize(
    "source",
    [
        "|a60|\n\n.. |a0| replace:: lol\n" + "".join(f".. |a{n + 1}| replace:: |a{n}| |a{n}|\n" for n in range(60)),
        "*a " * 50_000,
        "word *em* " * 20_000,
        ".. _a: b_\n.. _b: a_\n\na_",
    ],
    ids=["substitutions", "marks", "one paragraph", "circle"],
)
def test_what_would_grow_ends(source: str) -> None:
    assert len(written(source)) < 3_000_000


def test_titles_that_repeat_are_all_there_and_cost_no_messages() -> None:
    source = "Quay\n====\n\n" * 50
    tree = read_tree(source, time.monotonic() + 60)
    assert not list(tree.findall(nodes.system_message))
    assert written(source).count("# Quay") == 50
    assert gc.isenabled()


def test_the_title_is_the_first_heading() -> None:
    assert read(b"Harbour\n=======\n\nText.", RST, "a.rst").title == "Harbour"


def test_docutils_is_imported_only_when_needed() -> None:
    code = "import sys, ragstone.adapters.parsers.kreuzberg.child; sys.exit('docutils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
