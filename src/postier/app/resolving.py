"""The resolver that the settings name: its servers, or the system's."""

from postier.app.settings import Settings
from postier.dns.resolver import Resolver


def resolver_of(settings: Settings) -> Resolver:
    """A resolver of its own for the running loop."""
    servers = [(server.host, server.port) for server in settings.dns.resolvers]
    return Resolver(servers) if servers else Resolver.of_system()
