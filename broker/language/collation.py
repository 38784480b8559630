"""The order of texts: ICU collations, named by BCP 47 tags. (4.23.1, RFC 6067)"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from base.errors import BadRequestData

ROOT: Final = "und-x-icu"
LONGEST: Final = 200


@lru_cache(64)
def collation(tag: str) -> Callable[[str], bytes]:
    """Make the function whose results order texts as a collation does; BadRequestData if there is none such."""
    # loaded with the first ordered query: ICU takes memory that many brokers never need
    import icu

    if 0 < len(tag) <= LONGEST:
        try:
            locale = icu.LocaleBuilder().setLanguageTag(tag).build()
            if locale.getKeywordValue("collation") in (None, *icu.Collator.getKeywordValues("collation")):
                key: Callable[[str], bytes] = icu.Collator.createInstance(locale).getSortKey
                return key
        except icu.ICUError:
            pass
    raise BadRequestData(
        "collation is no ICU collation; give a BCP 47 tag such as und, ja, de-u-co-phonebk or und-u-ks-level1."
    )
