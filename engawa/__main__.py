"""`python -m engawa`: the same as the engawa command."""

from engawa.command import main

main()
