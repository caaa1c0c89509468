from hypothesis import settings

# Time is bounded where a test says so; a slow machine is no failure of the others
settings.register_profile("mime", deadline=None)
settings.load_profile("mime")
