"""Neighbouring brokers as an operator sees them: joining them, and how they are. (docs/federation.md)"""
