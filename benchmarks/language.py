"""What the language check refuses: a person's own newest tenth, other people's tweets, and other languages.

    python benchmarks/language.py [--data ../shared/data]

The sentences of other languages are ours. No text of a person is printed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from training.corpus import corpus
from training.profile.language import FILE, Language, learn
from training.sources import recognise

PEOPLE = {
    "538-twitter-ratio/BarackObama.csv": None,
    "538-twitter-ratio/realDonaldTrump.csv": None,
    "world-leaders-got3/jeremycorbyn.csv": "jeremycorbyn",
    "world-leaders-got3/ScottMorrisonMP.csv": "scottmorrisonmp",
}
FEW = 300  # tweets: a person with a short history
SENTENCES = {
    "English": (
        "The weather has been strange all week, and nobody at the station seems to mind.",
        "I would rather read a long book than wait for another train in the rain.",
        "Nobody told me that the shop closes early on Wednesdays.",
    ),
    "German": (
        "Das Wetter war die ganze Woche seltsam, und am Bahnhof stört das niemanden.",
        "Ich lese lieber ein langes Buch, als noch einmal im Regen auf den Zug zu warten.",
        "Niemand hat mir gesagt, dass der Laden am Mittwoch früher schließt.",
    ),
    "Dutch": (
        "Het weer was de hele week vreemd en op het station lijkt niemand dat erg te vinden.",
        "Ik lees liever een lang boek dan weer in de regen op een trein te wachten.",
        "Niemand heeft mij verteld dat de winkel op woensdag vroeg dichtgaat.",
    ),
    "French": (
        "Le temps a été étrange toute la semaine et personne à la gare ne semble s'en soucier.",
        "Je préfère lire un long livre plutôt que d'attendre encore un train sous la pluie.",
        "Personne ne m'a dit que le magasin ferme tôt le mercredi.",
    ),
    "Spanish": (
        "El tiempo ha estado raro toda la semana y a nadie en la estación parece importarle.",
        "Prefiero leer un libro largo antes que esperar otro tren bajo la lluvia.",
        "Nadie me dijo que la tienda cierra temprano los miércoles.",
    ),
    "Portuguese": (
        "O tempo esteve estranho a semana toda e ninguém na estação parece se importar.",
        "Prefiro ler um livro longo a esperar outro comboio à chuva.",
        "Ninguém me disse que a loja fecha cedo às quartas-feiras.",
    ),
    "Italian": (
        "Il tempo è stato strano tutta la settimana e a nessuno in stazione sembra importare.",
        "Preferisco leggere un libro lungo piuttosto che aspettare un altro treno sotto la pioggia.",
        "Nessuno mi ha detto che il negozio chiude presto il mercoledì.",
    ),
    "Swedish": (
        "Vädret har varit konstigt hela veckan och ingen på stationen verkar bry sig.",
        "Jag läser hellre en lång bok än väntar på ett tåg till i regnet.",
        "Ingen sade till mig att affären stänger tidigt på onsdagar.",
    ),
    "Polish": (
        "Pogoda przez cały tydzień była dziwna i nikomu na dworcu to chyba nie przeszkadza.",
        "Wolę przeczytać długą książkę niż znowu czekać na pociąg w deszczu.",
        "Nikt mi nie powiedział, że sklep w środy zamyka się wcześniej.",
    ),
    "Turkish": (
        "Hava bütün hafta boyunca tuhaftı ve istasyonda kimse buna aldırmıyor gibi.",
        "Yağmurda bir tren daha beklemektense uzun bir kitap okumayı tercih ederim.",
        "Dükkânın çarşamba günleri erken kapandığını kimse bana söylemedi.",
    ),
    "Indonesian": (
        "Cuacanya aneh sepanjang minggu dan sepertinya tidak ada orang di stasiun yang peduli.",
        "Saya lebih suka membaca buku panjang daripada menunggu kereta lagi di tengah hujan.",
        "Tidak ada yang memberi tahu saya bahwa toko itu tutup lebih awal pada hari Rabu.",
    ),
    "Finnish": (
        "Sää on ollut outo koko viikon, eikä asemalla kukaan näytä välittävän.",
        "Luen mieluummin pitkän kirjan kuin odotan taas junaa sateessa.",
        "Kukaan ei kertonut minulle, että kauppa sulkeutuu aikaisin keskiviikkoisin.",
    ),
    "Russian": ("Погода всю неделю была странная, и на вокзале это, кажется, никого не волнует.",),
    "Arabic": ("كان الطقس غريبا طوال الأسبوع ولا يبدو أن أحدا في المحطة يهتم بذلك.",),
    "Japanese": ("今週はずっと天気がおかしいのに、駅では誰も気にしていないようだ。",),
    "Hindi": ("पूरे हफ्ते मौसम अजीब रहा और स्टेशन पर किसी को परवाह नहीं लगती।",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="What the language check refuses.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    data: Path = parser.parse_args().data
    people = {
        Path(name).stem: corpus.build([recognise.read(data / "corpora" / name, author)])
        for name, author in PEOPLE.items()
    }
    print("| trained on | tweets | own newest tenth | others' English | sentences in other languages | missed |")
    print("|---|---:|---:|---:|---:|---|")
    for name, texts in people.items():
        train = [text.text for text in texts.train]
        others = [text.text for other, theirs in people.items() if other != name for text in theirs.held_out]
        for tweets in (train, train[-FEW:]):
            language = profile(tweets)
            own_share = share(language, [text.text for text in texts.held_out])
            refused_in = {
                other: refused(language, sentences) for other, sentences in SENTENCES.items() if other != "English"
            }
            missed = [
                f"{other} {len(SENTENCES[other]) - count}"
                for other, count in refused_in.items()
                if count < len(SENTENCES[other])
            ]
            sentence_count = sum(len(sentences) for other, sentences in SENTENCES.items() if other != "English")
            print(f"| {name} | {len(tweets):,} | {own_share} | {share(language, others)} | ", end="")
            print(f"{sum(refused_in.values())} of {sentence_count} | {', '.join(missed)} |", flush=True)


def profile(tweets: list[str]) -> Language:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(learn(tweets) or b"")
        language = Language.open(Path(folder))
    assert language is not None
    return language


def refused(language: Language, texts: tuple[str, ...] | list[str]) -> int:
    return sum(language.why_foreign(text) != "" for text in texts)


def share(language: Language, texts: list[str]) -> str:
    return f"{refused(language, texts) / len(texts):.2%}"


if __name__ == "__main__":
    main()
