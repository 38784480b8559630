"""The cases: each module is a chapter, each case a short story with a demand of the specification."""
