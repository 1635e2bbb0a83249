"""Pages written anew before kreuzberg reads them: nothing too deep, every element ended, no text lost."""

import re
from html import unescape
from time import process_time

import pytest

from ragstone.adapters.parsers.kreuzberg.html.balancing import balanced
from ragstone.adapters.parsers.kreuzberg.html.formulas import formula_text

KREUZBERG_READS = 58
"""Elements within one another."""
_TAG = re.compile(r"<(/?)([a-z0-9:-]+)[^<>]*>")
_VOID = ("br", "hr", "img", "input")


def page(html: str) -> str:
    return balanced(html)[1].removeprefix("<html><body>").removesuffix("</body></html>")


def depth(html: str) -> int:
    """Return how deep the elements lie in one another, having seen that each ends before the one around it."""
    opened: list[str] = []
    deepest = 0
    for end, name in _TAG.findall(html):
        if end:
            assert opened.pop() == name
        elif name not in _VOID:
            opened.append(name)
            deepest = max(deepest, len(opened))
    assert not opened
    return deepest


def words(html: str) -> list[str]:
    return re.findall(r"\w+", unescape(_TAG.sub(" ", html)))


@pytest.mark.parametrize(
    "each",
    [
        *("<p>{}", "<div>{}", "<font color=red>{}<br>", "<b>{}", "<option>{}", "<blockquote>{}", "<li>{}", "<h2>{}"),
        *("<center>{}", "<tr><td>{}", "<ul><li>{}", "<dt>{}<dd>x", "<a name=x>{}", "<p><font>{}</p>", "<td>{}"),
        *("<table><tr><td>{}", "<table>{}", "<tr>{}</td>", "<custom-tag>{}", "<svg>{}", "<math>{}", "<nav>{}"),
        *(
            "<script>{}",
            "<!--{}-->{}",
            "<pre>{}",
            "</p>{}",
            "<section><form><a href=x>{}",
            "<q>{}",
            "<table>{}</table>",
        ),
    ],
)
def test_no_text_is_lost_and_nothing_lies_too_deep(each: str) -> None:
    html = "<html><body>" + "".join(each.replace("{}", f"line{number} ") for number in range(200)) + "</body></html>"
    written = balanced(html)[1]
    assert depth(written) <= KREUZBERG_READS
    assert [word for word in words(written) if word.startswith("line")] == [f"line{number}" for number in range(200)]


def test_elements_that_end_stand_as_they_are() -> None:
    html = (
        '<div><h1>A</h1><p>b <b>c</b><br>d</p><table><tr><th colspan="2">e</th></tr></table><ul><li>f</li></ul></div>'
    )
    assert page(html) == html


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<p><i>a<div>b</div>", "<p><i>a</i></p><div>b</div>"),
        ("<UL><LI>a<LI\n>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("<table><tr><td>a<br>b<td>c<tr><th>d</table>e", None),
        ("<b>a<p>b</b>c</p>", "<b>a<p>bc</p></b>"),
        ("<s>a<s>c</s>d</s>e", "<s>acd</s>e"),
        ("a </div>b</p> c", "a b c"),
        ("1 < 2 &amp; <3, <ann@example.org>", "1 &lt; 2 &amp; &lt;3, &lt;ann@example.org>"),
        ("<p title='a>b' onclick=\"x('<p>')\">c</p>", '<p title="a&gt;b">c</p>'),
        ("<h1>a<div>b</div></h1>", "<h1>a <div>b</div></h1>"),
        ("<table><form><tr>a<td>b</table>", "<table> <tr><td>a</td><td>b</td></tr></table>"),
        ("a<a href=x>  <i></i></a>b<a href=y><img src=z></a>", 'a  <i></i>b<a href="y"><img src="z"></a>'),
        ("<nav>a</nav><nav>b", "<nav>a</nav>b"),
        ("<a href=http://a.org/>b</a>", '<a href="http://a.org/">b</a>'),
        (f"<a href='http://a.org/?{'x' * 300}'>b</a>", "<a>b</a>"),
    ],
)
def test_elements_end_where_browsers_end_them(html: str, written: str | None) -> None:
    rows = "<table><tr><td>a<br>b</td><td>c</td></tr><tr><th>d</th></tr></table>e"
    assert page(html) == (written or rows)


def test_a_table_for_the_looks_of_a_page_becomes_blocks_and_one_with_heads_stays() -> None:
    inner = "<table><tr><td>a</td></tr></table>"
    assert page(f"<table><tr><td>{inner}</td><td>b</td></tr></table>").count("<table>") == 1
    assert page(f"<table><tr><th>x</th><td>{inner}</td></tr></table>").count("<table>") == 1


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<script>var p = '<p>no</p>';</script>b<style>p{}</style><template><p>no</p></template>", "ab"),
        ("<noscript>no</noscript>a<script src=x />b<!-- no --><!-->c<![endif]>", "abc"),
        ("a<noscript>b", "ab"),
        ("a<xmp><b>x</b></xmp>", "a<pre>&lt;b>x&lt;/b></pre>"),
        ("<textarea>a <b> &amp;</textarea>", "<div>a &lt;b> &amp;</div>"),
        ("<![CDATA[a & b]]>", "a &amp; b"),
        ("a<svg><title>Ships</title><defs><text>no</text></defs><text>42 %</text><path/></svg>b", "a Ships 42 % b"),
        ("a<svg/>b", "ab"),
        ("<p>so <math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math></p>", "<p>so  a &lt; b </p>"),
    ],
)
def test_what_is_no_html_within_a_page(html: str, text: str) -> None:
    assert page(html) == text


def test_the_first_title_is_the_title_and_no_text() -> None:
    assert balanced("<head><title>A &amp; B</title></head><svg><title>C</title></svg>")[0] == "A & B"
    assert balanced("<title>A") == (None, "<html><body>A</body></html>")


@pytest.mark.parametrize(
    ("mathml", "text"),
    [
        (
            "<math><mi>a</mi><mo>=</mo><mfrac><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow><mn>2</mn></mfrac></math>",
            "a = (b+1)/2",
        ),
        ("<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup><msqrt><mi>y</mi></msqrt></math>", "x_i^2√(y)"),
        ('<m:math xmlns:m="urn:x"><m:mroot><m:mi>x</m:mi><m:mn>3</m:mn></m:mroot></m:math>', "x^(1/3)"),
        ("<math><semantics><mi>E</mi><annotation encoding='application/x-tex'>no</annotation></semantics></math>", "E"),
        ("<math><mi>a</mi><mo>&InvisibleTimes;</mo><mi>b</mi><mo>&nbsp;</mo></math>", "ab"),
        ("<math><mi>a</mi><mo>+</mo><mi>b<annotation>no</annotation></math>", "a + b"),
        ("<math alttext='a+b'></math>", "a+b"),
        ("<math><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr/></mtable></math>", "(1, 0; )"),
    ],
)
def test_formulas_are_one_line(mathml: str, text: str) -> None:
    assert formula_text(mathml) == text


def test_a_formula_thousands_deep_is_its_words() -> None:
    assert formula_text("<math>" + "<mrow>" * 5000 + "<mi>x</mi>" + "</mrow>" * 5000 + "</math>") == "x"


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<a ='", '<a ="x>', "<!--", "<![CDATA[", "<script>", "<svg>", "<?", "<b x=1 "]
)
def test_what_never_ends_takes_time_in_proportion_to_its_length(piece: str) -> None:
    begun = process_time()
    written = balanced(piece * 200_000)[1]
    assert process_time() - begun < 20  # some 2 s; were it the square of the length, hours
    assert depth(written) <= KREUZBERG_READS
