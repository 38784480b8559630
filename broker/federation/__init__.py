"""Which registered sources a request concerns, what they are asked, and what their answers make together. (4.3.6)"""

from broker.federation.asking import Asking, Directed, Failure, Outcome, Request
from broker.federation.federation import Federation

__all__ = ["Asking", "Directed", "Failure", "Federation", "Outcome", "Request"]
