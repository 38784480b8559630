"""The store inside LGWAN and its agent: it calls out, is never called, and obeys only what it can check itself."""
