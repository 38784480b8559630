"""縁側市, a small city that does not exist: places, sensors and facilities to try Engawa with."""

from engawa.demo.city import load_demo

__all__ = ["load_demo"]
