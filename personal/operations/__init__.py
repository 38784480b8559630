"""What the module does: a short story of named steps for each use. (DESIGN 3)"""
