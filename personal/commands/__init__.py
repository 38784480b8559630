"""The commands of the module."""
