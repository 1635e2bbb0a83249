"""Which language a text is in."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.retrieve.analysis import detect, languages

TEXTS = {
    "en": "The committee met on Monday and decided that the bridge should be closed until the end of the year.",
    "de": "Der Ausschuss trat am Montag zusammen und beschloss, dass die Brücke bis zum Jahresende gesperrt bleibt.",
    "fr": "Le comité s'est réuni lundi et a décidé que le pont serait fermé pour réparation jusqu'à la fin de l'année.",
    "es": "El comité se reunió el lunes y decidió que el puente estará cerrado por obras hasta el final del año.",
    "pt": "A comissão reuniu-se na segunda-feira e decidiu que a ponte será fechada para obras até ao fim do ano.",
    "it": "Il comitato si è riunito lunedì e ha deciso che il ponte sarà chiuso per lavori fino alla fine dell'anno.",
    "ca": "El comitè es va reunir dilluns i va decidir que el pont estarà tancat per obres fins al final de l'any.",
    "ro": "Comitetul s-a întrunit luni și a hotărât că podul va fi închis pentru reparații până la sfârșitul anului.",
    "nl": "De commissie kwam maandag bijeen en besloot dat de brug tot het einde van het jaar gesloten zal zijn.",
    "sv": "Kommittén sammanträdde i måndags och beslutade att bron ska vara stängd för reparation till slutet av året.",
    "da": "Udvalget mødtes i mandags og besluttede, at broen skal være lukket, hvad der blev støttet af alle.",
    "no": "Utvalget møttes på mandag og vedtok at broen skal være stengt for reparasjon, og det ble støttet av alle.",
    "fi": "Lautakunta kokoontui maanantaina ja päätti, että silta on suljettu korjauksen vuoksi, kun vuosi ei ole ohi.",
    "et": "Komisjon kogunes esmaspäeval ja otsustas, et sild on remondi tõttu suletud, kuid see ei ole veel lõplik.",
    "lt": "Komitetas susirinko pirmadienį ir nusprendė, kad tiltas bus uždarytas iki vasaros, bet tai dar ne viskas.",
    "lv": "Komiteja sanāca pirmdien un nolēma, ka tilts tiks slēgts līdz gada beigām, bet tas vēl nav galīgs lēmums.",
    "pl": "Komisja zebrała się w poniedziałek i postanowiła, że most będzie zamknięty z powodu remontu do końca roku.",
    "cs": "Výbor se sešel v pondělí a rozhodl, že most bude kvůli opravě uzavřen až do konce roku, což není málo.",
    "sk": "Výbor sa zišiel v pondelok a rozhodol, že most bude pre opravu uzavretý až do konca roka, čo nie je málo.",
    "sl": "Odbor se je sestal v ponedeljek in odločil, da bo most zaradi popravila zaprt do konca leta, kar ni malo.",
    "hr": "Odbor se sastao u ponedjeljak i odlučio da će most biti zatvoren do kraja godine, što nije malo.",
    "hu": "A bizottság hétfőn ülésezett, és úgy döntött, hogy a hidat az év végéig lezárják, mert ez nem halasztható.",
    "tr": "Komite pazartesi günü toplandı ve köprünün yıl sonuna kadar onarım için kapalı olacağına karar verdi.",
    "id": "Panitia bertemu pada hari Senin dan memutuskan bahwa jembatan itu akan ditutup hingga akhir tahun.",
    "vi": "Ủy ban đã họp vào thứ hai và quyết định rằng cây cầu sẽ bị đóng để sửa chữa cho đến cuối năm.",
    "ru": "Комитет собрался в понедельник и решил, что мост будет закрыт на ремонт до конца года.",
    "uk": "Комітет зібрався в понеділок і вирішив, що міст буде закрито на ремонт до кінця року.",
    "bg": "Комитетът се събра в понеделник и реши, че мостът ще бъде затворен за ремонт до края на годината.",
    "sr": "Одбор се састао у понедељак и одлучио да ће мост бити затворен због поправке до краја године.",
    "el": "Η επιτροπή συνεδρίασε τη Δευτέρα και αποφάσισε ότι η γέφυρα θα είναι κλειστή μέχρι το τέλος του έτους.",
    "ar": "اجتمعت اللجنة يوم الاثنين وقررت أن الجسر سيكون مغلقا من أجل الإصلاح حتى نهاية العام.",
    "fa": "کمیته روز دوشنبه تشکیل جلسه داد و تصمیم گرفت که این پل تا پایان سال برای تعمیر بسته باشد.",
    "he": "הוועדה התכנסה ביום שני והחליטה כי הגשר יהיה סגור לצורך תיקון עד סוף השנה.",
    "hi": "समिति की बैठक सोमवार को हुई और उसने फैसला किया कि पुल साल के अंत तक मरम्मत के लिए बंद रहेगा।",
    "ta": "குழு திங்கட்கிழமை கூடியது மற்றும் இந்த பாலம் ஆண்டு இறுதி வரை மூடப்படும் என்று முடிவு செய்தது.",
    "zh": "委员会于星期一开会，决定该桥将关闭维修至年底。",
    "ja": "委員会は月曜日に開かれ、橋を年末まで修理のために閉鎖することを決めました。",
    "ko": "위원회는 월요일에 모여 다리를 연말까지 수리를 위해 폐쇄하기로 결정했다.",
    "th": "คณะกรรมการประชุมเมื่อวันจันทร์และตัดสินใจปิดสะพานเพื่อซ่อมแซมจนถึงสิ้นปี",
}
QUESTIONS = {
    "What is the capital of France?": "en",
    "how do I use asyncpg.Pool": "en",
    "Wie heißt die Hauptstadt von Frankreich?": "de",
    "¿Cuál es la capital de Francia?": "es",
    "Quelle est la capitale de la France ?": "fr",
    "Qual è la capitale della Francia?": "it",
    "Какой город столица Франции?": "ru",
    "什么是 asyncpg.Pool？": "zh",
    "asyncpg.Pool とは何ですか": "ja",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert detect(TEXTS[language]) == language


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_tells_its_language(question: str) -> None:
    assert detect(question) == QUESTIONS[question]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "asyncpg.Pool",
        "Škoda Citroën",
        "√2 ≈ 1.414",
        "max connections",
        "1,234.56 | 789.00 | -12 %",
        "func main() { x := map[string]int{}; fmt.Println(len(x)) }",
        'fn main() -> Result<(), Error> { println!("{}", args.len()); Ok(()) }',
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_cannot_be_told_is_not_guessed(text: str) -> None:
    assert detect(text) == ""


def test_names_and_code_in_a_text_do_not_change_it() -> None:
    assert detect(f"```\n{'int x = foo(bar);' * 10}\n```\n{TEXTS['de']}\n{TEXTS['de']}") == "de"
    assert detect(f"{TEXTS['ja']} FastAPI, PostgreSQL, asyncpg.Pool") == "ja"


@given(st.text("abYZ '_1-.\n\té’ﬁK", max_size=30))
def test_the_quick_way_through_ascii_finds_the_same_words(text: str) -> None:
    folded = text.casefold()

    assert languages._words(folded) == languages._WORD.findall(folded)


def test_a_long_text_costs_no_more_than_its_sample() -> None:
    detect("warm")
    started = time.process_time()

    assert detect(TEXTS["en"] * 100_000) == "en"
    assert time.process_time() - started < 0.5


def test_the_import_opens_no_file() -> None:
    """Beyond the modules themselves: no list and no model is read."""
    program = (
        "import sys, Stemmer, unicodedata, ragstone.retrieve\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, found: opened.append(str(found[0])) if event == 'open' else None)\n"
        "import ragstone.retrieve.analysis\n"
        "print([path for path in opened if not path.endswith(('.py', '.pyc')) and '.pyc.' not in path])\n"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
