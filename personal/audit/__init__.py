"""The audit log: written before anything is released, and provable. (RFC 9162)"""
