"""Pages as people read them: headings without their marks, words in one piece, no table within a table's cell."""

import pytest

from ragstone.adapters.parsers.kreuzberg.html.balancing import balanced
from ragstone.adapters.parsers.kreuzberg.media_types import HTML
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.domain.markdown import outline


def page(html: str) -> str:
    return balanced(html)[1].removeprefix("<html><body>").removesuffix("</body></html>")


@pytest.mark.parametrize(
    "link",
    [
        '<a class="headerlink" href="#quay" title="Permalink to this heading">¶</a>',
        '<a class="headerlink" href="#quay" title="Permanent link">&para;</a>',
        '<a href="#quay" class="doc-anchor">§</a>',
        '<a href="#quay">#</a>',
        '<a href="quay.html#quay">🔗\ufe0f</a>',
        '<a class="hash-link" href="#quay">&#8203;</a>',
        '<a class="anchor" aria-hidden="true" href="#quay"><span class="octicon"></span></a>',
        '<a class="header-anchor" href="#quay"><span>Permalink to this heading</span></a>',
        "<a href=#quay><svg><path d=M0 /></svg></a>",
    ],
)
def test_a_mark_beside_a_heading_is_no_part_of_it(link: str) -> None:
    html = f"<h1>Port</h1><h2>{link}Quay {link}</h2><p>Ships lie here.</p>"
    parsed = read(html.encode(), HTML, "a.html")
    assert [section.title for section in outline(parsed.content).sections] == ["Port", "Quay"]
    assert parsed.content.strip() == "# Port\n\n## Quay\n\nShips lie here."


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ('<h2><a class="anchor" href="#c">C#</a></h2>', "<h2>C#</h2>"),
        ('<h2><a class="toc-backref" href="#id3">The <b>quay</b></a></h2>', "<h2>The <b>quay</b></h2>"),
        ('<h2><a href="/quay#top">Quay</a></h2>', '<h2><a href="/quay#top">Quay</a></h2>'),
        ('<dl><dt>moor()<a class="headerlink" href="#moor">¶</a></dt></dl>', "<dl><dt>moor()</dt></dl>"),
        ('<p><a href="#n">#</a> <a href="#a">A</a></p>', '<p><a href="#n">#</a> <a href="#a">A</a></p>'),
        ('<p>see <a href="#s5">§</a> 5</p>', '<p>see <a href="#s5">§</a> 5</p>'),
        ('<h2>x<a class="anchor" href="#x"><i>¶</i></a></h2>', "<h2>x<i></i></h2>"),
        ('<h2>x<a href="#x"><img src="a.png" alt="b"></a></h2>', '<h2>x<img src="a.png" alt="b"></h2>'),
    ],
)
def test_links_in_headings_keep_their_words_and_others_their_marks(html: str, written: str) -> None:
    assert page(html) == written


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("<i>it</i>alic", "italic"),
        ("un<b>break</b>able", "unbreakable"),
        ("<b><i>it</i></b>alic", "italic"),
        ("caf<em>&eacute;</em>s", "caf&eacute;s"),
        ("x<span><b>y</b></span>", "x<span>y</span>"),
        ("<b>bold</b>, <i>it</i>.", "<b>bold</b>, <i>it</i>."),
        ("<b>Note: </b>text", "<b>Note: </b>text"),
        ("a<br><b>b</b><p>c</p>", "a<br><b>b</b><p>c</p>"),
        ("日<b>本</b>語", "日<b>本</b>語"),
        ("<s>a</s>b <code>int</code>s", "<s>a</s>b <code>int</code>s"),
        ("soft\u00adhy&shy;phe&#173;na&#xAD;tion", "softhyphenation"),
    ],
)
def test_words_stay_in_one_piece(html: str, written: str) -> None:
    assert page(html) == written


def test_a_table_within_a_table_that_stays_becomes_text() -> None:
    inner = "<table><tr><th>in1<td>in2<tr><td>in3<td><table><tr><td>deep</table></table>"
    parsed = read(f"<table><tr><th>A<th>B<tr><td>x<td>{inner}</table>".encode(), HTML, "a.html")
    assert parsed.content.strip().split("\n")[-1].split() == "| x | in1 in2 in3 deep |".split()
    assert "\\|" not in parsed.content


def test_a_table_within_looks_within_a_table_becomes_text() -> None:
    inner = "<table><tr><td><table><tr><th>h<td>deep</table><td>beside</table>"
    parsed = read(f"<table><tr><th>A<th>B<tr><td>x<td>{inner}</table>".encode(), HTML, "a.html")
    assert parsed.content.strip().split("\n")[-1].split() == "| x | h deep beside |".split()
