"""Where residents' data lives: on this machine, inside LGWAN, with a vault elsewhere. (DESIGN 3)"""
