"""What holds for every test: property tests judge results, never how fast a busy machine draws their inputs."""

from hypothesis import HealthCheck, settings

settings.register_profile("s1", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("s1")
