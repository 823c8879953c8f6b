"""What is served, and what a clip would take: `/v1/models` and `/v1/videos/plan`."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from services.api.answers import add_get
from services.api.body import read_fields
from services.api.creation import Creation
from services.api.errors import NotFound
from services.api.request_schema import PLAN_BODY
from services.api.schemas import Model, ModelList, Plan, errors
from services.jobs.rate import measured_rate
from services.requests.video_request import MODEL_NAME


@dataclass(frozen=True, slots=True)
class AboutRoutes:
    """What answers them.

    Args:
        creation: checks requests.
        since: when the model was loaded, seconds since 1970.
    """

    creation: Creation
    since: float

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(prefix="/v1", tags=["models"])
        add_get(router, "/models", self.models, responses=errors())
        add_get(router, "/models/{model_id}", self.model, responses=errors(404))
        router.add_api_route(
            "/videos/plan",
            self.plan,
            methods=["POST"],
            response_model=Plan,
            responses=errors(400, 404, 408, 413, 503),
            openapi_extra=PLAN_BODY,
        )
        return router

    def models(self) -> ModelList:
        """The model that is served, under each of its names."""
        names = sorted(self.creation.checker.names, key=lambda name: (name != MODEL_NAME, name))
        return ModelList(data=[self._model(name) for name in names])

    def model(self, model_id: str) -> Model:
        """A model by its name."""
        if model_id not in self.creation.checker.names:
            raise NotFound(f"model {model_id[:80]!r} is not served here, see /v1/models")
        return self._model(model_id)

    async def plan(self, request: Request) -> Plan:
        """What a clip would take and cost, before it is asked for; nothing is queued."""
        fields = await read_fields(request)
        return await run_in_threadpool(self._planned, fields)

    def _planned(self, fields: dict[str, object]) -> Plan:
        planned = self.creation.planned(fields)
        rate, price = measured_rate(self.creation.engine), self.creation.settings.params.price_per_second
        return Plan(
            seconds=planned["seconds"],
            size=planned["size"],
            expected_s=rate.expected_s(planned["work"]),
            waiting_s=rate.waiting_s,
            price=None if price is None else round(price * float(planned["seconds"]), 6),
            warnings=planned["warnings"],
        )

    def _model(self, name: str) -> Model:
        return Model(id=name, created=int(self.since))
