"""Links from one page of an answer to the others. (6.3.10)"""

from typing import Final
from urllib.parse import parse_qsl, quote

from broker.language.selection import Window


def page_links(target: str, at: Window, more: bool, media_type: str) -> list[str]:
    """Write the links to the previous and the next page. (6.3.10)"""
    previous = max(0, at.offset - at.limit) if at.limit and at.offset > 0 else None
    following = at.offset + at.limit if at.limit and more else None
    return links_to(target, at.limit, previous, following, media_type)


def links_to(
    target: str, limit: int, previous: int | None, following: int | None, media_type: str
) -> list[str]:
    """Write the links to the pages that begin at these offsets: all parameters in the order of their names. (6.3.10)"""
    path, _, query = target.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))

    def link(rel: str, offset: int) -> str:
        pairs = {**given, "limit": str(limit), "offset": str(offset)}
        text = "&".join(f"{name}={quote(pairs[name], safe=_PLAIN)}" for name in sorted(pairs))
        return f'<{path.rstrip("/")}?{text}>; rel="{rel}"; type="{media_type}"'

    pages = []
    if previous is not None:
        pages.append(link("prev", previous))
    if following is not None:
        pages.append(link("next", following))
    return pages


_PLAIN: Final = ":*/.~!$'()@-_"
