"""Which subscription wants a change, and the way of a notification to its receiver. (5.8)"""

from broker.notify.notifier import Notifier

__all__ = ["Notifier"]
