"""Endpoints of the models that params caption name."""

from mova_core.endpoints.endpoint import Endpoint, EndpointKind
from mova_core.errors import UsageError


def named_endpoint(kind: EndpointKind, model: str | None) -> Endpoint | None:
    """The endpoint of a model that params name; None where they name none."""
    if model is None:
        return None
    endpoint = Endpoint.from_environment(kind)
    if endpoint is None:
        raise UsageError(
            f"params caption.models.{kind.lower()} is {model!r}, and MOVA_{kind}_URL is not set: name where that model "
            "answers, or set caption.kind: template"
        )
    if endpoint.model != model:
        raise UsageError(
            f"params caption.models.{kind.lower()} is {model!r}, and MOVA_{kind}_MODEL is {endpoint.model!r}: name the "
            "same model in both, for captions are made anew when params change"
        )
    return endpoint


def check_reachable(*endpoints: Endpoint | None) -> None:
    """Refuse endpoints that do not answer; UsageError names the first."""
    for endpoint in endpoints:
        if endpoint is not None:
            endpoint.check_reachable()
