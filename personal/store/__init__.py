"""The database of one municipality: the only place that speaks SQL."""
