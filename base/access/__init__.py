"""Who asks, as far as it was proven, and what may be asked: for every part that serves HTTP. (docs/security.md)"""

from base.access.caller import ANONYMOUS, Caller, unauthorized

__all__ = ["ANONYMOUS", "Caller", "unauthorized"]
