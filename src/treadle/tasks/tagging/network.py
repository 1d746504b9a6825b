"""The network of a tagger: words and their characters, a recurrent stack, a CRF; and, if asked, a label a sentence."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.errors import InputError
from treadle.nn import CRF, LockedDropout, Pooling, Stack, clear_padding, length_mask
from treadle.nn.characters import CharacterEncoder
from treadle.tasks.tagging.context import ContextEncoder
from treadle.tasks.tagging.settings import TaggerSettings

EMBEDDING_SCALE = 0.5
"""Standard deviation of fresh embeddings of words, as in the networks with one answer a sequence."""


@dataclass(frozen=True)
class TaggerBatch:
    """Some sentences, padded; past an end anything may stand.

    Attributes:
        words: `[batch, time]` number of each token's word.
        lengths: `[batch]` tokens of each sentence, zero allowed.
        characters: `[distinct, letters]` numbers of the characters of every distinct spelling in the batch.
        sizes: `[distinct]` characters of each.
        spellings: `[batch, time]` the row of `characters` of each token.
        tags: `[batch, time]` gold tags, where they are known.
        labels: `[batch]` gold labels of the sentences, where they are known.
        context: `[batch, time]` number of each token's word in a language model.
    """

    words: Tensor
    lengths: Tensor
    characters: Tensor | None = None
    sizes: Tensor | None = None
    spellings: Tensor | None = None
    tags: Tensor | None = None
    labels: Tensor | None = None
    context: Tensor | None = None

    def to(self, device: torch.device | str) -> "TaggerBatch":
        """The same on another device."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {name: None if tensor is None else tensor.to(device) for name, tensor in given.items()}
        return TaggerBatch(**moved)


class Decoded(NamedTuple):
    """What a network says about a batch.

    Attributes:
        tags: `[batch, time]`, the most probable sequence, zero past a length.
        log_probability: `[batch]`, its own.
        marginals: `[batch, time, tags]` probability of every tag of each token, zero past a length.
        label_probabilities: `[batch, labels]`, or None where sentences have no labels.
    """

    tags: Tensor
    log_probability: Tensor
    marginals: Tensor
    label_probabilities: Tensor | None

    @property
    def confidence(self) -> Tensor:
        """The marginal probability of each token's tag, `[batch, time]`, zero past a length."""
        return self.marginals.gather(2, self.tags[..., None]).squeeze(2)


class TaggerNetwork(nn.Module):
    r"""Tokens to tags.

    $$x_t = [E_{w_t}; \mathrm{chars}(w_t); c_t], \qquad y = \mathrm{stack}(x), \qquad e_t = W y_t + b$$

    with the word's embedding, the vector that its characters give (`CharacterEncoder`), and where the network begins
    from a language model, what that holds after the word (`ContextEncoder`). The emissions \(e\) go to a
    `CRF`, or each to a softmax. In training a word is replaced by the unknown one with a fixed probability, so that
    characters and neighbours learn to do without it, and whole features are dropped for a sentence at a time. A second
    head can pool \(y\) to one vector and label the sentence.

    Args:
        settings: The shape.
        words: Numbers in the vocabulary of words, those for padding and the unknown included.
        characters: The same of characters; 0 where there are none.
        tags: Number of tags.
        labels: Number of labels a sentence can have; 0 for no second head.
        allowed: Which tag may follow which, as in `CRF`; a softmax does not ask.
        vectors: `[words, embedding_size]`, where the word embedding begins.
        context: What a language model makes of the words, or None.

    Raises:
        InputError: A size does not fit, or an option of a layer lies outside its range.

    Sources: G. Lample et al., "Neural architectures for named entity recognition", 2016; the joint loss, B. Liu & I.
    Lane, "Attention-based recurrent neural network models for joint intent detection and slot filling", 2016, section
    3.3.
    """

    def __init__(
        self,
        settings: TaggerSettings,
        *,
        words: int,
        characters: int = 0,
        tags: int,
        labels: int = 0,
        allowed: Tensor | None = None,
        vectors: Tensor | None = None,
        context: ContextEncoder | None = None,
    ) -> None:
        super().__init__()
        self.word_dropout = settings.word_dropout
        self.label_weight = settings.label_weight
        # A cell written by the user need not know initialisation by name; it is only told where one was chosen.
        chosen: dict[str, Any] = {} if settings.init == "recommended" else {"init": settings.init}
        self.embedding = _embedding(words, settings, vectors)
        self.characters: CharacterEncoder | None = None
        size = settings.embedding_size
        if settings.character_hidden_size and characters:
            self.characters = CharacterEncoder(
                characters,
                embedding_size=settings.character_embedding_size,
                hidden_size=settings.character_hidden_size,
                cell=settings.character_cell,
                pooling=settings.character_pooling,
                engine=settings.engine,
                **chosen,
            )
            size += self.characters.output_size
        self.context = context
        size += 0 if context is None else context.output_size
        self.embedding_dropout = LockedDropout(settings.embedding_dropout)
        self.stack = Stack(
            settings.cell,
            size,
            settings.hidden_size,
            settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            **chosen,
        )
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, tags)
        self.crf = CRF(tags, allowed) if settings.decoder == "crf" else None
        self.pooling: Pooling | None = None
        if labels:
            self.pooling = Pooling(settings.pooling, self.stack.output_size, bidirectional=settings.bidirectional)
            self.label_dropout = nn.Dropout(settings.dropout)
            self.label_head = nn.Linear(self.pooling.output_size, labels)

    def encode(self, batch: TaggerBatch) -> Tensor:
        """The stack's outputs, `[batch, time, feature]`, zero past a length.

        Raises:
            InputError: The network reads characters or contexts, and the batch has none.
        """
        return self.read(self.embed(batch), batch.lengths)

    def read(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The stack's outputs for `x [batch, time, feature]`, as `embed` gives it."""
        y, _ = self.stack(self.embedding_dropout(x), lengths=lengths)
        return y  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types

    def embed(self, batch: TaggerBatch) -> Tensor:
        """What the stack reads of every token, `[batch, time, feature]`.

        Raises:
            InputError: The network reads characters or contexts, and the batch has none.
        """
        real = length_mask(batch.lengths.to(batch.words.device), batch.words.shape[1])
        words = batch.words.masked_fill(~real, PADDING)
        if self.training and self.word_dropout:
            dropped = torch.rand(words.shape, device=words.device) < self.word_dropout
            words = words.masked_fill(dropped & real, UNKNOWN)
        x: Tensor = self.embedding(words)
        if self.characters is not None:
            if batch.characters is None or batch.sizes is None or batch.spellings is None:
                raise InputError("this tagger reads the characters of words, and the batch has none")
            vectors = self.characters(batch.characters, batch.sizes)
            x = torch.cat([x, self.characters.spread(vectors, batch.spellings, batch.lengths)], 2)
        if self.context is not None:
            if batch.context is None:
                raise InputError("this tagger reads words as a language model does, and the batch has no such numbers")
            x = torch.cat([x, self.context(batch.context, batch.lengths)], 2)
        return x

    def forward(self, batch: TaggerBatch) -> tuple[Tensor, Tensor | None]:
        """The emissions `[batch, time, tags]`, zero past a length, and the labels' logits `[batch, labels]` or None."""
        y = self.encode(batch)
        emissions = clear_padding(self.head(self.dropout(y)), batch.lengths.to(y.device))
        if self.pooling is None:
            return emissions, None
        return emissions, self.label_head(self.label_dropout(self.pooling(y, batch.lengths)))

    def losses(self, batch: TaggerBatch) -> tuple[Tensor, Tensor | None]:
        """The negative log-likelihood of every sentence's tags and of its label, both `[batch]`.

        That of tags is infinite where the CRF does not allow them; `CRF.legal` tells beforehand.

        Raises:
            InputError: The batch lacks tags or labels, or a tag is outside the range.
        """
        return self.losses_of(self(batch), batch)

    def losses_of(self, outputs: tuple[Tensor, Tensor | None], batch: TaggerBatch) -> tuple[Tensor, Tensor | None]:
        """The same from what `forward` gave for the batch."""
        emissions, logits = outputs
        if batch.tags is None or (logits is not None and batch.labels is None):
            raise InputError("a loss needs the gold tags, and labels where the network gives them")
        if self.crf is not None:
            of_tags = -self.crf.log_likelihood(emissions, batch.tags, batch.lengths)
        else:
            real = length_mask(batch.lengths.to(emissions.device), emissions.shape[1])
            gold = batch.tags.long().masked_fill(~real, -1)
            of_tags = nn.functional.cross_entropy(
                emissions.transpose(1, 2).float(), gold, ignore_index=-1, reduction="none"
            ).sum(1)
        if logits is None or batch.labels is None:
            return of_tags, None
        return of_tags, nn.functional.cross_entropy(logits.float(), batch.labels, reduction="none")

    def loss(self, batch: TaggerBatch) -> Tensor:
        r"""What training makes small: the mean over tokens of the tags' loss, plus the weighted mean of the labels'.

        $$L = \frac{1}{\sum_b T_b} \sum_b -\log p(y_b) + \lambda\, \frac1B \sum_b -\log p(l_b)$$

        Over tokens, because batches hold sentences of similar length: a mean over sentences would make the gradient of
        a batch of long ones many times that of a batch of short ones, past the clipping norm, and beside the labels'
        loss; and a CRF's loss would not be comparable with a softmax's.
        """
        return self.loss_of(self(batch), batch)

    def loss_of(self, outputs: tuple[Tensor, Tensor | None], batch: TaggerBatch) -> Tensor:
        """The same from what `forward` gave for the batch."""
        of_tags, of_labels = self.losses_of(outputs, batch)
        loss = of_tags.sum() / batch.lengths.sum().clamp(min=1).to(of_tags.device)
        return loss if of_labels is None or not len(of_labels) else loss + self.label_weight * of_labels.mean()

    def layers(self) -> list[list[nn.Module]]:
        """The modules in groups: all that begins fresh, then the language model's; see `treadle.training.layers`."""
        fresh = [module for name, module in self.named_children() if name != "context"]
        return [fresh, *([] if self.context is None else self.context.layers())]

    @torch.no_grad()
    def decode(self, batch: TaggerBatch) -> Decoded:
        """The best tags, how probable they are, and the labels' probabilities."""
        emissions, logits = self(batch)
        tags, log_probability = self.best(emissions, batch.lengths)
        labels = None if logits is None else logits.float().softmax(1)
        return Decoded(tags, log_probability, self.marginals(emissions, batch.lengths), labels)

    @torch.no_grad()
    def best(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The most probable tags `[batch, time]`, zero past a length, and their log-probability `[batch]`."""
        if self.crf is not None:
            return self.crf.decode(emissions, lengths)
        each = clear_padding(emissions.float().log_softmax(2), lengths.to(emissions.device))
        highest, tags = each.max(2)
        return tags, highest.sum(1)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The probability of every tag of each token, `[batch, time, tags]`, zero past a length."""
        if self.crf is not None:
            return self.crf.marginals(emissions, lengths)
        return clear_padding(emissions.float().softmax(2), lengths.to(emissions.device))


def _embedding(words: int, settings: TaggerSettings, vectors: Tensor | None) -> nn.Embedding:
    shape = (words, settings.embedding_size)
    embedding = nn.Embedding(*shape, padding_idx=PADDING)
    if vectors is not None and vectors.shape != shape:
        raise InputError(f"word vectors are {list(shape)}, found {list(vectors.shape)}")
    with torch.no_grad():
        if vectors is None:
            embedding.weight.normal_(0, EMBEDDING_SCALE)
        else:
            embedding.weight.copy_(vectors)
        embedding.weight[PADDING] = 0
    embedding.weight.requires_grad_(vectors is None or settings.train_embedding)
    return embedding
