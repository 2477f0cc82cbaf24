"""How models are spread over the nodes of a Ray cluster (`[cluster]`); read by `core/config`."""

from pydantic import BaseModel, ConfigDict, Field


class ClusterSettings(BaseModel):
    """What `serve --ray` asks of Ray. Without `--ray` it has no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    replicas: int = Field(
        1, gt=0, description="nodes that serve all the time; each has one replica, with its own engines"
    )
    most_replicas: int = Field(
        0,
        ge=0,
        description="nodes that serve when there is much to do; 0: all that the cluster has at the start",
    )
    target_requests: int = Field(
        4,
        gt=0,
        description="requests in progress on a replica at which another one is added; at most twice as many "
        "are sent to it, the rest wait",
    )
    add_after_s: float = Field(
        10.0, ge=0, description="add a replica when there was too much to do for this long"
    )
    remove_after_s: float = Field(
        300.0, ge=0, description="remove one when there was too little to do for this long"
    )
    cpus: float = Field(1.0, ge=0, description="processor cores that a replica reserves with Ray")
    gpus: float = Field(
        0.0, ge=0, description="graphics cards that a replica reserves; with 0, Ray shows it none"
    )
