"""Text in encodings that are no Unicode, told by how it reads: prose of many languages, and a word or two."""

import unicodedata
from random import Random

import pytest

from ragstone.adapters.parsers.kreuzberg.decoding import decode

ENCODINGS = {
    "Czech": ("cp1250", "iso8859_2"),
    "Slovak": ("cp1250", "iso8859_2"),
    "Polish": ("cp1250", "iso8859_2"),
    "Hungarian": ("cp1250", "iso8859_2"),
    "Romanian": ("cp1250", "iso8859_2"),
    "Croatian": ("cp1250", "iso8859_2"),
    "Slovene": ("cp1250", "iso8859_2"),
    "Turkish": ("cp1254", "iso8859_9"),
    "Lithuanian": ("cp1257",),
    "Latvian": ("cp1257",),
    "Estonian": ("cp1257", "cp1252"),
    "French": ("cp1252", "mac_roman", "cp850"),
    "German": ("cp1252", "mac_roman", "cp850", "cp437"),
    "Spanish": ("cp1252", "mac_roman"),
    "Portuguese": ("cp1252",),
    "Danish": ("cp1252",),
    "Icelandic": ("cp1252",),
    "Albanian": ("cp1252",),
    "Russian": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "Ukrainian": ("cp1251", "koi8_u"),
    "Greek": ("cp1253", "iso8859_7"),
    "Hebrew": ("cp1255", "iso8859_8"),
    "Arabic": ("cp1256", "iso8859_6"),
    "Thai": ("cp874",),
    "Vietnamese": ("cp1258",),
    "Japanese": ("cp932", "euc_jp"),
    "Chinese": ("gb18030",),
    "Traditional Chinese": ("big5",),
    "Korean": ("cp949", "euc_kr"),
}
PROSE = {
    "Czech": "Přístav v Ústí přesune svou kancelář 1. května. Každá loď zaplatí poplatek podle své délky.",
    "Slovak": "Úrad prístavu sa sťahuje 1. mája. Každá loď platí poplatok podľa svojej dĺžky, nie podľa ťahu.",
    "Polish": "Biuro portu przenosi się 1 maja. Każdy statek płaci według swojej długości, również łódź żaglowa.",
    "Hungarian": "A kikötő irodája május elsején költözik. Minden hajó"
    " a hossza szerint fizet, a kicsik később, ősszel.",
    "Romanian": "Biroul portului se mută la 1 mai. Fiecare navă plăteşte"
    " după lungimea ei, şi aşa va fi până în toamnă.",
    "Croatian": "Lučki ured seli se prvoga svibnja. Svaki brod plaća"
    " prema svojoj duljini, a već ljeti i više nego sada.",
    "Slovene": "Pristaniška pisarna se seli prvega maja. Vsaka ladja plača po svoji dolžini, tudi če je še prazna.",
    "Turkish": "Liman ofisi 1 Mayıs'ta taşınıyor. Her gemi boyuna göre ücret öder; küçük olanlar daha azını, değil mi?",
    "Lithuanian": "Uosto biuras keliasi gegužės pirmąją. Kiekvienas laivas"
    " moka pagal savo ilgį, o mažieji – šiek tiek vėliau.",
    "Latvian": "Ostas birojs pārceļas pirmajā maijā. Katrs kuģis maksā"
    " pēc sava garuma, arī mazie kuģi un tukšās laivas.",
    "Estonian": "Sadama büroo kolib esimesel mail. Iga laev maksab oma pikkuse järgi, väiksed õige pisut ka hiljem.",
    "French": "Le bureau du port déménage le 1er mai. Chaque bateau paie"
    " selon sa longueur, même à vide, dès la première année.",
    "German": "Das Büro zieht am 1. Mai um. Jedes Schiff zahlt nach seiner"
    " Größe, auch für kürzere Fahrten, gemäß der Gebührenordnung.",
    "Spanish": "La oficina del puerto se mudará el 1 de mayo. ¿Cuánto paga cada"
    " barco? Según su tamaño, también los pequeños de la compañía.",
    "Portuguese": "O escritório do porto muda-se a 1 de maio. Cada navio paga conforme"
    " a dimensão; as embarcações vazias também, não só as cheias.",
    "Danish": "Havnens kontor flytter den 1. maj. Hvert skib betaler efter"
    " sin længde, også små både, når de lægger til på øen.",
    "Icelandic": "Skrifstofa hafnarinnar flytur fyrsta maí. Hvert skip greiðir"
    " eftir lengd sinni, einnig þau sem eru tóm á leið að bryggju.",
    "Albanian": "Zyra e portit zhvendoset më 1 maj. Çdo anije paguan sipas gjatësisë së saj, edhe kur është bosh.",
    "Russian": "Контора порта переезжает 1 мая. Каждое судно платит по своей длине, в том числе и пустое.",
    "Ukrainian": "Контора порту переїжджає 1 травня. Кожне судно платить за своєю довжиною, є й винятки.",
    "Greek": "Το γραφείο του λιμανιού μετακομίζει την 1η Μαΐου. Κάθε πλοίο πληρώνει ανάλογα με το μήκος του.",
    "Hebrew": "משרד הנמל עובר ב-1 במאי. כל ספינה משלמת לפי אורכה.",
    "Arabic": "ينتقل مكتب الميناء في الأول من مايو. تدفع كل سفينة حسب طولها.",
    "Thai": "สำนักงานท่าเรือย้ายในวันที่ 1 พฤษภาคม เรือทุกลำจ่ายตามความยาว",
    "Vietnamese": "Văn phòng cảng chuyển vào ngày 1 tháng 5. Mỗi con tàu trả tiền theo chiều dài của nó.",
    "Japanese": "港の事務所は五月一日に新しい埠頭へ移ります。料金は船の長さで決まります。",
    "Chinese": "港口办公室五月一日迁至新码头，费用从那时起在那里支付。每艘船按长度付费。",
    "Traditional Chinese": "港口辦公室五月一日遷至新碼頭，費用從那時起在那裡支付。每艘船按長度付費。",
    "Korean": "항구 사무소는 5월 1일에 새 부두로 이전합니다. 모든 배는 길이에 따라 요금을 냅니다.",
}
SHORT = {
    "cp1252": [
        *(
            "Müller;Köln;1,5\nIvo;Bonn;2,25\n",
            "José,12\nAnn,13\n",
            "Straße",
            "résumé",
            "Preis: 12 €",
            "It’s fine",
            "25° C",
        ),
        *(
            "© 2020 Acme Inc.",
            "Copyright ® 2004 Acme",
            "±5 %",
            "½ cup",
            "10 µm",
            "5 µg/m³",
            "§ 5 Abs. 2",
            "£100",
            "naïve",
        ),
        *(
            "Åsa Öberg, Malmö",
            "São Paulo; Goiânia",
            "Ærø",
            "ESPAÑA",
            "MÜNCHEN",
            "¿Qué?",
            "città",
            "coração",
            "Nº 5; 1ª",
        ),
        *(
            "• one\n• two",
            "“Über” is a word",
            "Page 1 … Page 2",
            "à la carte",
            "Bjørn;Bodø",
            "Lefèvre",
            "maïs",
            "Ísland",
        ),
    ],
    "cp1250": [
        "Dvořák;Praha\nNovák;Plzeň\n",
        "Imię;Miasto\nŁukasz;Łódź\n",
        "Škoda – nový vůz",
        "Lech Wałęsa lived in Gdańsk.",
    ],
    "cp1254": ["Işık", "Beşiktaş;İzmir", "Ağrı Dağı", "TÜRKİYE"],
    "cp1257": ["Šiauliai", "žmogus", "ąžuolas"],
    "cp1251": ["Москва", "Иванов;Москва;12\n", "ООО «Ромашка»", "№ 5", "name;city\nivan;Москва\n"],
    "koi8_r": ["Москва", "Привет, мир"],
    "cp866": ["Москва", "Привет, мир"],
    "cp437": ["╔════╗\n║ OK ║\n╚════╝\nTotal: £12"],
    "cp1253": ["Αθήνα"],
    "cp1255": ["שלום"],
    "cp874": ["กรุงเทพ"],
    "cp932": ["東京", "会議の議事録です。", "カタログ", "name,city\ntaro,東京\n"],
    "euc_jp": ["東京", "会議の議事録です。", "カタログ", "株式会社"],
    "gb18030": ["北京", "你好，世界。", "name,城市\n张三,北京\n"],
    "big5": ["會議紀錄如下。", "臺北市信義區市府路一號"],
    "cp949": ["서울", "안녕하세요", "이름,도시\n김철수,서울\n"],
}


@pytest.mark.parametrize("times", [1, 40])
@pytest.mark.parametrize(
    ("language", "encoding"), [(language, name) for language, names in ENCODINGS.items() for name in names]
)
def test_prose(language: str, encoding: str, times: int) -> None:
    text = f"{decomposed(PROSE[language]) if encoding == 'cp1258' else PROSE[language]}\n" * times
    assert decode(text.encode(encoding)) == text


def letter_and_marks(letter: str) -> tuple[str, str]:
    apart = unicodedata.normalize("NFD", letter)
    return apart[0], apart[1:]


def decomposed(text: str) -> str:
    """Return Vietnamese as Windows writes it: the tones apart, the other marks not."""
    parts = []
    for letter in text:
        base, marks = letter_and_marks(letter)
        tones = [mark for mark in marks if mark in "\u0300\u0301\u0303\u0309\u0323"]
        others = [mark for mark in marks if mark not in tones]
        parts.append(unicodedata.normalize("NFC", base + "".join(others)) + "".join(tones))
    return "".join(parts)


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in SHORT.items() for text in texts])
def test_a_word_or_two(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("language", PROSE)
def test_unicode_comes_first(language: str, encoding: str) -> None:
    assert decode(PROSE[language].encode(encoding)) == PROSE[language]


def test_letters_far_from_the_start_tell_the_encoding() -> None:
    text = "plain words\n" * 100_000 + PROSE["Polish"]
    assert decode(text.encode("cp1250")) == text


def test_a_line_that_never_ends_is_read_by_its_start() -> None:
    text = PROSE["Russian"] * 20_000
    assert decode(text.encode("cp1251")) == text


def test_any_bytes_are_read_as_something() -> None:
    noise = Random(7)
    for _ in range(50):
        data = bytes(noise.choice(range(0x20, 0x100)) for _ in range(noise.randrange(1, 60)))
        assert len(decode(data)) > 0
