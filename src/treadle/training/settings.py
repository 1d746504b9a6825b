"""What a training run is told: how long, how fast, by which rule."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Optimizer = Literal["adamw", "adam", "rmsprop", "sgd"]
Schedule = Literal["one-cycle", "cosine", "step", "plateau", "constant"]
Precision = Literal["float32", "bfloat16-products", "bfloat16", "float16"]


class TrainingSettings(BaseModel):
    """The settings of `treadle.training.fit`, checked.

    Attributes:
        epochs: Passes over the training data, at most.
        optimizer: Rule of the update. L2 regularisation is `weight_decay`; "adamw" decouples it from the gradient
            (Loshchilov & Hutter 2019).
        learning_rate: Peak learning rate.
        weight_decay: Strength of the L2 penalty on weight matrices (not on biases).
        momentum: Of "sgd" and "rmsprop".
        schedule: How the learning rate moves. "one-cycle" rises over the first tenth of all steps and falls to nearly
            zero (Smith & Topin 2018); "cosine" falls from the start; "step" falls to a tenth twice, after half and
            three quarters of the epochs; "plateau" halves when the dev loss stands still; "constant" stays.
        clip_norm: Gradients are scaled down to this global norm (Pascanu et al. 2013); 0 for no clipping.
        averaging: What is evaluated and kept is a running mean of the weights with this decay; 0 for the weights as
            they are. See `treadle.training.averaging`.
        averaging_trigger: Instead, the uniform mean since the dev loss was first above the least of all but the last so
            many epochs (Merity et al. 2018); 0 for never.
        layer_decay: From each group of layers to the next below, the learning rate falls to this share of it, where the
            objective has such groups (Howard & Ruder 2018, section 3.2).
        unfreeze_epochs: Each group waits this many epochs longer than the one above it before it learns; 0 for none
            (section 3.3 there).
        patience: Epochs without a better one on dev before training ends; 0 for never.
        batch_tokens: Padded steps a batch, at most.
        batch_size: Sequences a batch, at most.
        seed: Of everything that is drawn.
        device: "auto" for the best that is there, or "cpu".
        precision: Of training. "bfloat16-products" keeps every number in float32 and lets products of matrices round
            their factors to bfloat16 where the processor multiplies these faster; sums, and all of evaluation, stay in
            float32. "bfloat16" and "float16" are torch's automatic mixed precision of the forward pass.
        checkpoint_seconds: Time between two checkpoints, where there is a folder for them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=10, ge=1)
    optimizer: Optimizer = "adamw"
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    schedule: Schedule = "one-cycle"
    clip_norm: float = Field(default=1.0, ge=0)
    averaging: float = Field(default=0.0, ge=0, lt=1)
    averaging_trigger: int = Field(default=0, ge=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    unfreeze_epochs: int = Field(default=0, ge=0)
    patience: int = Field(default=0, ge=0)
    batch_tokens: int = Field(default=8192, ge=1)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu"] = "auto"
    precision: Precision = "float32"
    checkpoint_seconds: float = Field(default=60.0, ge=0)
