"""What the personal-data module describes by JSON Schema: items of residents' data, services, files."""
