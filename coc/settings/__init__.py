"""config.yaml, checked once at the door: typed, frozen, every mistake named by key, line and fix."""

from coc.settings.models import Settings

__all__ = ["Settings"]
