"""Cards on a reader: commands, profiles of cards, and what is done with them."""
