"""A service that others can reach needs keys."""

import ipaddress

from mova_core.errors import UsageError
from mova_core.registry.database.connection import opened_database
from services.keys.caller import keys_exist


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name may be anything
        return False


def check_exposure(host: str, database_url: str) -> None:
    """Refuse to serve beyond this machine while there is no key.

    Args:
        host: that the service binds to.
        database_url: where the registry is.

    Raises:
        UsageError: others could reach the service, and nobody would be asked who they are.
    """
    if is_loopback(host):
        return
    with opened_database(database_url) as engine:
        if not keys_exist(engine):
            raise UsageError(
                f"host is {host[:80]!r}, which others can reach, and there is no API key: make one with "
                "`mova keys create OWNER --scope create --scope read`, or serve at 127.0.0.1"
            )
