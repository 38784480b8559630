"""A card emulator of our own: for tests behind a real pcscd, and for the demonstration without any reader."""
