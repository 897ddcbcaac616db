"""The languages that texts are written in, as far as their letters tell."""

from collections import Counter
from collections.abc import Sequence

LOOKED_AT, SURE = 2_000, 0.9  # texts, spread over all, and the least probability of a language that is counted
UNSURE = "not told by so few words"


def languages_of(texts: Sequence[str]) -> Counter[str]:
    """How many of at most 2,000 texts, spread evenly over all, are in each language, by its code of ISO 639-1.

    Source: Lui and Baldwin 2012, langid.py: naive Bayes over sequences of bytes, 97 languages.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
    step = max(1, len(texts) // LOOKED_AT)
    answers = [identifier.classify(text) for text in texts[::step][:LOOKED_AT]]
    return Counter(language if probability >= SURE else UNSURE for language, probability in answers)
