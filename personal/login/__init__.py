"""How residents and staff log in: providers, cards, second factors."""
