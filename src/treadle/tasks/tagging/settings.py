"""What a tagger is told about its network; the rules are here, the defaults in its estimator."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from treadle.tasks.settings import RecurrentSettings


class TaggerSettings(RecurrentSettings):
    """The shape of a `TaggerNetwork`; what is inherited is about the recurrent layers over the sentence.

    Attributes:
        bidirectional: Whether each layer reads the sentence in both directions.
        decoder: "crf" chooses a sentence's tags together, "softmax" each for itself.
        embedding_size: Size of a word's embedding.
        train_embedding: Whether word vectors that were given are trained further; fresh ones always are.
        embedding_dropout: Share of a token's features (word and characters) dropped for a whole sentence, in training.
        word_dropout: Share of words replaced by the unknown one in training.
        character_cell: The cell that reads the characters of a word.
        character_embedding_size: Size of a character's embedding.
        character_hidden_size: Its units in each direction; 0 leaves characters out.
        character_pooling: From the characters' outputs to a vector a word.
        pooling: From the tokens' outputs to a vector a sentence, where sentences have labels.
        label_weight: Weight of the sentences' labels in the loss, beside that of the tags.
    """

    bidirectional: bool
    decoder: Literal["crf", "softmax"]
    embedding_size: int = Field(ge=1)
    train_embedding: bool
    embedding_dropout: float = Field(ge=0, lt=1)
    word_dropout: float = Field(ge=0, lt=1)
    character_cell: str
    character_embedding_size: int = Field(ge=1)
    character_hidden_size: int = Field(ge=0)
    character_pooling: Literal["last", "max"]
    pooling: Literal["last", "mean", "max", "attention", "concat"]
    label_weight: float = Field(ge=0)


class TaggerFeatureSettings(BaseModel):
    """How sentences become numbers; the fields are documented in `SequenceTagger`."""

    model_config = ConfigDict(frozen=True)

    word_vectors: str | None
    lowercase: bool
    min_count: int | None = Field(ge=1)
    vocabulary_size: int | None = Field(ge=3)


class DecisionSettings(BaseModel):
    """What is decided after training; the field is documented in `SequenceTagger`."""

    model_config = ConfigDict(frozen=True)

    tune_outside: bool
