"""The module's rules: pure, no input or output, time is passed in."""
