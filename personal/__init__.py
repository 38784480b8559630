"""The personal-data module: residents' data, where it is kept, and what leaves with whose consent. (DESIGN 3)"""
