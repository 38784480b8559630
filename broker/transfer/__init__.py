"""Taking a tenant out of a broker and putting it into another, as JSON lines. (docs/transfer.md)"""
