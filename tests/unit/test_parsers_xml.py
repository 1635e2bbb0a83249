"""XML as lines: what stands in attributes, and what of it nobody reads."""

from time import process_time

import pytest

from ragstone.adapters.parsers.kreuzberg.xml_text import xml_to_text

BOOK = (
    '<article xmlns="http://docbook.org/ns/docbook" version="5.0" xml:lang="en"><title>Harbour</title>'
    '<section xml:id="s1" role="x"><para>See <xref linkend="s2"/> and <literal>&lt;p&gt;&amp;amp;</literal> first.'
    '</para><mediaobject><imageobject><imagedata fileref="a.png"/></imageobject></mediaobject></section></article>'
)
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><style>p {}</style><path d="M0 0h9" fill="red"/>'
    '<g id="g1" transform="scale(2)"><text x="1" y="2" font-size="3">Quay</text></g></svg>'
)


@pytest.mark.parametrize(
    ("xml", "lines"),
    [
        (
            '<catalog><book id="1" title="The Sea" price="12"/><book id="2" title="The\n Land"/></catalog>',
            "book: id: 1; title: The Sea; price: 12\nbook: id: 2; title: The Land",
        ),
        ('<r><string name="greeting">Hello</string></r>', "string (name: greeting): Hello"),
        (
            '<r><item sku="A1"><name>Chair</name></item><item sku="A2"><name>Desk</name></item></r>',
            "item: sku: A1\nname: Chair\n\nitem: sku: A2\nname: Desk",
        ),
        ('<a x="1"><b y="2"/>text</a>', "a: x: 1\nb: y: 2\na: text"),
        (
            '<r xmlns="u" xmlns:xsi="v" xsi:type="t" xml:space="preserve" class="c" style="s"><a b=" "/>x</r>',
            "r: x",
        ),
        (f'<r><a key="{"k" * 600}" say="{"word " * 200}"/></r>', f"a: say: {'word ' * 199}word"),
    ],
    ids=["attributes alone", "with a text", "of a group", "before its text", "of programs", "long ones"],
)
def test_attributes_of_data_are_text(xml: str, lines: str) -> None:
    assert xml_to_text(xml) == lines


@pytest.mark.parametrize(
    ("xml", "lines"),
    [
        (BOOK, "title: Harbour\npara: See and <p>&amp; first."),
        (DRAWING, "text: Quay"),
        (
            f'<doc kind="report"><name>x</name>{DRAWING}<end at="9"/></doc>',
            "doc: kind: report\nname: x\ntext: Quay\n\nend: at: 9",
        ),
        (
            '<o:document xmlns:o="urn:oasis:names:tc:opendocument:office:1.0"><p o:margin="1cm">Text</p></o:document>',
            "p: Text",
        ),
        ('<html><img src="a.png" alt="A quay" width="3"/><p class="x">Text</p></html>', "img: A quay\np: Text"),
    ],
    ids=["DocBook", "SVG", "SVG within", "OpenDocument", "XHTML"],
)
def test_of_pages_and_books_only_what_is_for_people_is(xml: str, lines: str) -> None:
    assert xml_to_text(xml) == lines


RSS = (
    '<rss version="2.0" xmlns:atom="a"><channel><title>A &amp;amp; B</title><item><guid isPermaLink="false">7</guid>'
    "<link>https://a.org/?a=1&amp;copy=2</link>"
    "<description>&lt;p&gt;It&amp;#8217;s &lt;b&gt;c&lt;/b&gt;af&amp;eacute;&lt;/p&gt;&lt;p&gt;&amp;nbsp;&lt;/p&gt;"
    "&lt;style&gt;p {}&lt;/style&gt;&lt;!-- no --&gt;Second</description>"
    '<enclosure url="https://a.org/x.mp3" length="9" type="audio/mpeg"/></item></channel></rss>'
)


def test_html_within_the_text_of_a_feed_is_read() -> None:
    assert xml_to_text(RSS).split("\n") == [
        "title: A & B",
        "guid: 7",
        "link: https://a.org/?a=1&copy=2",
        "description: It’s café Second",
        "enclosure: https://a.org/x.mp3",
    ]


def test_links_of_a_feed_are_kept() -> None:
    feed = '<feed><entry><link rel="alternate" href="https://a.org/1"/><category term="Ports"/></entry></feed>'
    assert xml_to_text(feed) == "link: https://a.org/1\ncategory: Ports"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&lt;p&gt;a&amp;amp;b&lt;/p&gt;c", "a&b c"),
        ("List&lt;String&gt; &amp;amp; Map&lt;A, B&gt;", "List<String> &amp; Map<A, B>"),
        ("1 &lt; 2 &gt; 0", "1 < 2 > 0"),
    ],
)
def test_html_within_data_is_read_where_it_is_html(text: str, shown: str) -> None:
    assert xml_to_text(f"<r><a>{text}</a></r>") == f"a: {shown}"


@pytest.mark.parametrize("text", ["&lt;!--", "&lt;p ", "&lt;p a=&quot;", "&lt;style&gt;", "&amp;#"])
def test_broken_html_takes_time_by_its_length(text: str) -> None:
    begun = process_time()
    xml_to_text(f"<rss>{text * 100_000}</rss>")
    assert process_time() - begun < 5
