"""Settings of the property tests here: none of them fails on time. (DESIGN §7)"""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
