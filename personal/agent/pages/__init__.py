"""Pages for terminals inside LGWAN: what waits, alarms, a resident's records, forms on paper."""
