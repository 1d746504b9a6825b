"""Cross-validation over a list of texts, beside bag-of-words: what does a command to a voice assistant ask for?

python examples/cross_validate_texts.py
"""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from treadle import SequenceClassifier
from treadle.data.builtin import load


def main() -> None:
    """Print the mean accuracy of both over the same three folds."""
    table = load("commands").take(range(1000))
    texts, labels = table.columns["text"], table.columns["intent"]
    models = {
        "GRU": SequenceClassifier(cell="gru", hidden_size=32, embedding_size=64, epochs=12, learning_rate=0.01),
        "TF-IDF + logistic regression": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=500)
        ),
    }
    for name, model in models.items():
        scores = cross_val_score(model, texts, labels, cv=3)
        print(f"{name:<30} accuracy {scores.mean():.3f} +- {scores.std():.3f}")


if __name__ == "__main__":
    main()
