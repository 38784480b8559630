"""The @contexts a broker works with: resolved into term tables, cached durably, hosted. (4.4, 5.5.7, 5.13)"""

from broker.contexts.contexts import Contexts
from broker.contexts.entry import LOCAL, Entry, Kind
from schemas.core_contexts import CORE_URL

__all__ = ["CORE_URL", "LOCAL", "Contexts", "Entry", "Kind"]
