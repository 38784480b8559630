"""The card terminal at a counter: the only code that speaks to card readers."""
