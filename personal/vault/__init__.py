"""Keys and encryption: envelopes, key rotation, crypto-shredding."""
