"""The language of a question, as far as its script and its commonest words tell.

A light heuristic that would rather not know than be wrong: formulas and names are in no language, and None passes
every rule. Chinese, Japanese, Korean, Russian, Arabic, Hebrew, Greek, Hindi and Thai are told by script; English,
German, French, Spanish, Italian, Portuguese and Dutch by function words.

Example::

    language_of("Berechne die Summe aller Zahlen, die durch 3 teilbar sind.")      # 'de'
    language_of("$x^2 = 4$")                                                       # None
"""

import re

_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "ko": re.compile(r"[\u1100-\u11ff\uac00-\ud7af]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "el": re.compile(r"[\u0370-\u03ff]{3,}"),
}
"""Japanese before Chinese, whose signs it also uses; Greek where letters stand together: alone they are variables."""
_LETTERS = re.compile(r"[^\W\d_]")
_COMMANDS = re.compile(r"\\[a-zA-Z]+|\$[^$]*\$")
_FUNCTION_WORDS = {
    "en": "the of and is are what which that to in how find for with if be by on from as this its was",
    "de": "der die das und ist sind ein eine einer eines einem den dem nicht mit von zu auf für welche wie wird sich",
    "fr": "le la les des et est sont un une dans que qui pour du avec sur par quelle quel au aux ce cette soit",
    "es": "el los las una y es son que en del por con para cuál como se su al si cada este esta",
    "it": "il lo gli una e è sono che di del della per con nel quale come si al dei delle ogni questo",
    "pt": "o os as um uma e é são que em do da dos das por com para qual como se ao não cada este",
    "nl": "de het een en is zijn van in op met voor dat die niet welke hoe wordt aan bij door",
}
_WORDS_OF = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
LANGUAGES = frozenset(_SCRIPTS) | frozenset(_WORDS_OF)
_ANY_SCRIPT = re.compile(r"[\u0370-\u07ff\u0900-\u097f\u0e00-\u0e7f\u1100-\u11ff\u3040-\u9fff\uac00-\ud7af]")
"""A sign that one of the scripts may have; mathematical ones are in none."""
_ALL_WORDS = frozenset().union(*_WORDS_OF.values())
_SCRIPT_SHARE = 0.2
"""Share of a text's letters in a script from which on that is its language; names and terms are less."""
_MIN_WORDS = 4
"""Different function words that a language other than English must show at least, and twice as many as English."""

_CERTAIN = 7
"""Different English function words at which no other language is looked for."""


class UnknownLanguageError(ValueError):
    """A language that cannot be told apart."""


def check_languages(languages: list[str] | None) -> frozenset[str]:
    """The languages of ``curate.languages``; none: any.

    Raises:
        UnknownLanguageError: names the language, and those that are known.
    """
    wanted = frozenset(languages or ())
    unknown = sorted(wanted - LANGUAGES)
    if unknown:
        raise UnknownLanguageError(
            f"curate.languages: {', '.join(unknown)} cannot be told from others; use {', '.join(sorted(LANGUAGES))}."
        )
    return wanted


def language_of(text: str) -> str | None:
    """Code of a text's language, such as ``en``; None where there is too little to tell."""
    return (None if text.isascii() else _by_script(text)) or _by_words(text)


def _by_script(text: str) -> str | None:
    if _ANY_SCRIPT.search(text) is None:
        return None
    num_letters = len(_LETTERS.findall(_COMMANDS.sub(" ", text)))
    for language, script in _SCRIPTS.items():
        num_signs = sum(map(len, script.findall(text)))
        if num_signs > _SCRIPT_SHARE * max(num_letters, 1):
            return language
    return None


def _by_words(text: str) -> str | None:
    words = _ALL_WORDS.intersection(text.lower().split())
    english = len(words & _WORDS_OF["en"])
    if english >= _CERTAIN:
        return "en"
    counts = {language: len(words & known) for language, known in _WORDS_OF.items() if language != "en"}
    best = max(counts, key=lambda language: counts[language])
    if counts[best] >= max(_MIN_WORDS, 2 * english + 1):
        return best
    return "en" if english > counts[best] else None
