"""The files that `benchmarks.parsing` measures with: the same text and tables, written in each format."""

import bz2
import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.parsing_pages import STYLES, drawn, justified
from ragstone.testing.made_files import (
    Element,
    Heading,
    Paragraph,
    Table,
    book,
    json_records,
    open_document,
    open_sheets,
    restructured,
    separated,
    slides,
    web_page,
    word,
    workbook,
    zipped,
)
from ragstone.testing.made_mail import mail, outlook
from ragstone.testing.made_pages import printed

RUNNING = ("Harbour authority running header", "Confidential footer")

FLEET = Table(
    [
        ["Vessel", "Berth", "Length (m)", "Cargo & stores"],
        ["Aurora", "12", "84.5", "grain"],
        ["Côte d'Ivoire", "3b", "120", "cocoa; 40 % wet"],
        ["Zephyr II", "", "19.9", "none"],
        ["Øresund", "7", "63", "steel <coils>"],
    ]
)
DUES = Table([["Quarter", "Ships", "Dues"], ["Q1", "1,204", "88.50"], ["Q2", "97", "12.25"], ["Q3", "311", "0.75"]])
PILOTS = Table(
    [
        ["Service", "Called", "Remarks"],
        ["Pilotage from the outer buoy to the lock", "612", "at night with two pilots"],
        ["Towing", "1,077", "tugs are hired by the hour, of which the first is always paid in full"],
        ["Mooring", "98", "none"],
        ["Shifting from berth to berth", "45", "by day"],
    ]
)
CALLS = Table([["No", "Vessel", "Tons"], *([str(n), f"Lighter {n % 7}", f"{31 * n + 402:,}"] for n in range(1, 61))])
PRINTED: Sequence[Paragraph | Table] = [
    Paragraph("What the harbour's services were called for is told below, and after that the dues of the year."),
    PILOTS,
    Paragraph("Dues are paid by the quarter. A vessel that lies for longer than one pays for each that it begins."),
    DUES,
    Paragraph("All lighters follow, in the order in which they came."),
    CALLS,
    Paragraph("Two more were turned back at the lock, for they had no papers."),
]
CHAPTERS: Sequence[Sequence[Element]] = [
    [
        Heading("Harbour review"),
        Paragraph("The northern basin was dredged twice, because silt & sand had come in after the spring storms."),
        Paragraph("Pilots reported that the fairway's marks, repainted in 2021, can be seen from two miles away."),
        Heading("Vessels at berth", 2),
        FLEET,
        Paragraph("Every vessel pays by its length; the table above was drawn up on the last day of the year."),
    ],
    [
        Heading("Income"),
        Paragraph("Dues fell in the second quarter – a strike closed the lock for <three> weeks – and rose again."),
        DUES,
        Paragraph("Café, chandlery and crane are let; their rents are “not” part of these figures."),
    ],
    [
        Heading("Outlook for next year"),
        Paragraph("A new crane is on order. Its foundation must be poured before the frost, or it will wait."),
        Paragraph("Nothing else is planned: the quay wall holds, and the sheds were roofed two summers ago."),
    ],
]
WHOLE: Sequence[Element] = [element for chapter in CHAPTERS for element in chapter]


@dataclass(frozen=True, slots=True)
class Made:
    """A file, and what is in it: its words in order, its tables, and words that should be gone."""

    filename: str
    data: bytes
    words: str
    tables: Sequence[Table]
    gone: Sequence[str] = ()


def make_files() -> list[Made]:
    """Return one file for each format, and for some a second one that is harder."""
    sheets = {"Fleet": FLEET.rows, "Dues & rents": DUES.rows}
    report = word(WHOLE, header=RUNNING[0], footer=RUNNING[1])
    text = "\n\n".join(element.text for element in WHOLE if not isinstance(element, Table))
    return [
        Made("report.docx", report, _words(WHOLE), [FLEET, DUES], RUNNING),
        Made("talk.pptx", slides(CHAPTERS, footer=RUNNING[1]), _words(WHOLE), [FLEET, DUES], RUNNING[1:]),
        Made("book.xlsx", workbook(sheets), _words([FLEET, DUES]), [FLEET, DUES]),
        Made("book.ods", open_sheets(sheets), _words([FLEET, DUES]), [FLEET, DUES]),
        Made("report.odt", open_document(WHOLE), _words(WHOLE), [FLEET, DUES]),
        Made(
            "report.pdf", printed(CHAPTERS, header=RUNNING[0], footer=RUNNING[1]), _words(WHOLE), [FLEET, DUES], RUNNING
        ),
        *(
            Made(f"{name}.pdf", drawn(PRINTED, style), _words(PRINTED), [PILOTS, DUES, CALLS])
            for name, style in STYLES.items()
        ),
        Made("justified.pdf", justified(text), text, []),
        Made("report.html", web_page(WHOLE, title="Review"), _words(WHOLE), [FLEET, DUES]),
        Made("report.epub", book(CHAPTERS, title="Review"), _words(WHOLE), [FLEET, DUES]),
        Made("report.rst", restructured(WHOLE), _words(WHOLE), [FLEET, DUES]),
        Made("fleet.csv", separated(FLEET.rows), _words([FLEET]), [FLEET]),
        Made("fleet.tsv", separated(FLEET.rows, delimiter="\t"), _words([FLEET]), [FLEET]),
        Made("dues.json", json_records(DUES.rows), _words([DUES]), [DUES]),
        Made("dues.ndjson", json_records(DUES.rows, lines=True), _words([DUES]), [DUES]),
        Made("notes.txt", text.encode("cp1252"), text, []),
        Made("notes.md", text.encode(), text, []),
        *_with_others_within(report, text),
    ]


def _with_others_within(report: bytes, text: str) -> list[Made]:
    within = {"report.docx": report, "dues.csv": separated(DUES.rows)}
    words, tables = f"{text} {_words(WHOLE)} {_words([DUES])}", [FLEET, DUES, DUES]
    archive = {"notes.txt": text} | within
    packers: Mapping[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress}
    return [
        Made("mail.eml", mail("Review", text, within), words, tables),
        Made("mail.msg", outlook({"0037": "Review", "1000": text}, within), words, tables),
        Made("all.zip", zipped(archive), words, tables),
        *(Made(f"dues.csv.{name}", pack(within["dues.csv"]), _words([DUES]), [DUES]) for name, pack in packers.items()),
    ]


def _words(elements: Sequence[Element]) -> str:
    return "\n".join(_text(element) for element in elements)


def _text(element: Element) -> str:
    if isinstance(element, Table):
        return "\n".join(" ".join(row) for row in element.rows)
    return element.text
