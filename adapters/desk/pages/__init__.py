"""The desk's own page, for the browser of its PC."""
