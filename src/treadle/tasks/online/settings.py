"""What an online estimator is told, checked before its first step."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from treadle.tasks.online.drift import Detector


class OnlineSettings(BaseModel):
    """The settings that all online estimators share; the fields are documented in `OnlineEstimator`."""

    model_config = ConfigDict(frozen=True)

    bptt: int = Field(ge=1)
    half_life: float = Field(gt=0)
    replay: int = Field(ge=0)
    replay_chunks: int = Field(ge=1)
    drift: Detector | None
    on_drift: Literal["raise", "reset"]
    drift_factor: float = Field(ge=1, allow_inf_nan=False)
    drift_steps: int = Field(ge=1)
    seed: int = Field(ge=0, lt=2**63)
    loss: Literal["huber", "squared", "absolute"] = "huber"
