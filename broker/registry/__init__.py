"""The registrations of context sources: kept in the store, ready in memory, found by what they provide. (5.9)"""

from broker.registry.registry import React, Register, Registry

__all__ = ["React", "Register", "Registry"]
